"""What every test runs under: searches are not judged by the clock, draw the same examples everywhere, and explain.

`make test` says the same of one tree on every machine. Who wants other examples asks for them:
`python -m pytest --hypothesis-profile=search tests/property`; random sites are searched by `make nightly`.
"""

import gc
from functools import cache

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from pcs.config import profiles, site

gc.disable()  # until all is imported: looking again and again through what stays takes a third of the collection

settings.register_profile("search", deadline=None, print_blob=True)  # a shared machine is slow at times
settings.register_profile("project", settings.get_profile("search"), derandomize=True)
settings.load_profile("project")

# It also draws numbers that it finds in whatever modules happen to be loaded: other examples in another order of tests.
providers._get_local_constants = lambda: providers._local_constants

_library = cache(profiles.load_profiles)
# The installed library of device profiles, read once in a process and not for each of hundreds of site files.
site.load_profiles = lambda: dict(_library())


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported stays: only what tests make is looked through for garbage, and not after every 700 objects."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
