"""The controller's heart: pure functions of their arguments. No clock, no socket, no log."""
