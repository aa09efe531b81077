"""dashapp: a live monitor of this machine, in the browser.

The public face. It imports nothing heavy, so that the collector stays small.
"""

__version__ = "0.1.0"
