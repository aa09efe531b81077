"""dashapp inside other applications: `attach` for Dash, `mount` for Flask, `wsgi_app`."""
