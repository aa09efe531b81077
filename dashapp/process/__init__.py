"""Processes and threads: signals, the supervisor, locks."""
