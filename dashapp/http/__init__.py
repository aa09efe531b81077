"""A small WSGI toolkit: request bodies, responses, static files, an ASGI bridge."""
