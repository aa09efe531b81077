"""Push two series each second into one panel with an axis on the left and one on the right.

Run:

    export DASHAPP_PUSH_TOKEN=$(openssl rand -hex 16)
    python -m dashapp --panel 'title="Shop", metrics=["orders"], right=["latency"]'
    python examples/two_series.py

The same without a script: `python -m dashapp --source demo`.
"""

import math
import time
from random import gauss

import dashapp

while True:
    wave = math.sin(time.time() / 20)
    dashapp.push({"orders": 40 + 30 * wave + gauss(0, 3), "latency": 0.2 - 0.1 * wave + gauss(0, 0.01)})
    time.sleep(1)
