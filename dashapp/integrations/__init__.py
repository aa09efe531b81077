"""dashapp inside other people's applications: attach for Dash, mount for Flask."""
