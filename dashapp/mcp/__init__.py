"""The Model Context Protocol: read-only tools over a store, for AI assistants."""
