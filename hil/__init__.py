"""The bench: judges a power control system from the outside. Imports nothing of `pcs` but `pcs.model`."""
