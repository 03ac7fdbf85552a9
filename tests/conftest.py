"""What every test runs under: searches are not judged by the clock, draw the same examples everywhere, and explain.

`make test` says the same of one tree on every machine. Who wants other examples asks for them:
`python -m pytest --hypothesis-profile=search tests/property`; random sites are searched by `make nightly`.
"""

from hypothesis import settings
from hypothesis.internal.conjecture import providers

settings.register_profile("search", deadline=None, print_blob=True)  # a shared machine is slow at times
settings.register_profile("project", settings.get_profile("search"), derandomize=True)
settings.load_profile("project")

# It also draws numbers that it finds in whatever modules happen to be loaded: other examples in another order of tests.
providers._get_local_constants = lambda: providers._local_constants
