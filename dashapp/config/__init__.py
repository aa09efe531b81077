"""Settings: flags, environment variables, the TOML file and keyword arguments."""
