"""Requirements and hazards as data, and what in the project cites them; `tests/docs/assurance.py` makes the page."""
