"""Site files and device profiles: YAML in, model out, every mistake at once."""

from pcs.config.problems import ConfigError, Problem
from pcs.config.profiles import load_profiles
from pcs.config.site import load_site

__all__ = ["ConfigError", "Problem", "load_profiles", "load_site"]
