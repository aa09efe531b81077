"""Checks whether services respond: HTTP, TCP, DNS and ping."""
