"""A Dash app with a live chart of its own numbers.

Run `python examples/dash_app.py` and open http://127.0.0.1:8050 in a browser.
"""

from random import gauss

from dash import Dash, html

from dashapp import LiveGraph, attach

app = Dash()
attach(app, sources={"loss": lambda: gauss(1, 0.1), "accuracy": lambda: {"train": 0.9, "test": 0.8}})
app.layout = html.Div([html.H1("Training"), LiveGraph("loss"), LiveGraph("accuracy.*", window=300)])

if __name__ == "__main__":
    app.run()
