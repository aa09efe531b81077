"""The web process: the Dash page, its routes and the granian server."""
