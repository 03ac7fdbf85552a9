"""openpcs controller: holds the power at a point of interconnection inside its limits and says why."""

__version__ = "0.1.0"
