"""Mistakes in a file of the bench, where the rig's modules look for them; they live below the rig, in `hil.profile`."""

from hil.profile.mistake import BadFileError, Mistake

__all__ = ["BadFileError", "Mistake"]
