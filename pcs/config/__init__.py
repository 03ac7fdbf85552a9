"""Site files and device profiles: YAML in, model out, every mistake at once."""
