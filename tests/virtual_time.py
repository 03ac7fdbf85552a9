"""Virtual time for tests: the bench's own loop."""

from hil.rig.virtual_time import StandstillError, VirtualLoop, run_virtually, virtual_loop

__all__ = ["StandstillError", "VirtualLoop", "run_virtually", "virtual_loop"]
