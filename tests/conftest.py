"""What every test runs under: searches are not judged by the clock, and a failing one says how to run it again."""

from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)  # a shared machine is slow at times
settings.load_profile("project")
