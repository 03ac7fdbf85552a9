"""The whole library of test profiles against our own controller, in the simulated rigs, on virtual time."""
