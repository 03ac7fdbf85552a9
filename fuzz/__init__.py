"""Fuzzing of everything that decodes what others wrote: `python -m fuzz` with atheris, tests/property without it."""
