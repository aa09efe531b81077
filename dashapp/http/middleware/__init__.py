"""WSGI middleware: security headers, login, rate limits, share links."""
