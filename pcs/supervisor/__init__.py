"""The hard-limit supervisor: a process of its own that opens a relay when the controller has not held the limit.

It shares no code with the controller but the vocabulary (`pcs.model`): own frames, own decoding, no asyncio, one thread
that never waits longer than one tick. What dies stops pulsing, and without pulses the relay opens.
"""
