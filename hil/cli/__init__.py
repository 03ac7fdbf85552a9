"""The bench's command line, one file per command."""
