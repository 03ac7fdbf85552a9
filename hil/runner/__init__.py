"""Campaigns: cases run one after the other on a rig, journaled so that a killed one goes on where it was."""
