"""The simulated site as pure physics: no clock, socket or task; time is an argument and a seed makes it repeatable.

It knows nothing of registers: `hil.rig` serves it over Modbus.
"""
