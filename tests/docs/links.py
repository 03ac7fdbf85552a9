"""Makes `docs/links.md` by playing every fault to every kind of link on virtual time."""

from tests.faults.page import TARGET, generate

if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
