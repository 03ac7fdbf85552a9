"""Devices: profiles applied over a link. Turns frames into readings and commands into frames."""
