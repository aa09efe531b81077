"""dashapp inside other applications: `attach` for Dash, `mount` for Flask."""
