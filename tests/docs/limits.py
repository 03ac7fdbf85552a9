"""Makes `docs/limits.md` and its pictures by playing every limit on every plant on virtual time."""

from tests.limits.page import write

if __name__ == "__main__":
    write()
