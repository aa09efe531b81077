"""A Flask application with a live chart of this machine; two marked lines are dashapp's.

python -m flask --app examples/flask_app.py run         then http://127.0.0.1:5000
"""

from flask import Flask, render_template_string

import dashapp

app = Flask(__name__)
dashapp.mount(app, "/monitor/")  # dashapp's, and the whole monitor is at /monitor/
PAGE = '<h1>My shop</h1> {{ dashapp_chart("cpu.percent", window=100) }}'  # dashapp's
DARK_TOO = '<meta name="color-scheme" content="light dark">'


@app.get("/")
def home() -> str:
    return render_template_string(DARK_TOO + PAGE)
