"""Test profiles: YAML files of `test_profiles/` parsed, expanded into cases, and checked against what a rig can do."""
