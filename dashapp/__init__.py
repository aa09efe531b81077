"""dashapp: a live monitor of this machine, in the browser.

The public API. It imports nothing heavy, so that the collector stays small.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if sys.version_info < (3, 11):  # noqa: UP036 (pip checks it, but a checkout needs no pip)
    _sentence = "dashapp needs Python 3.11 or newer; this is Python %d.%d" % sys.version_info[:2]  # noqa: UP031
    # A program of ours prints the sentence alone; an application that imports dashapp gets an exception.
    _ours = sys.argv[0].replace("\\", "/").rpartition("/")[2] in ("-m", "dashapp", "collector.py")
    raise (SystemExit if _ours else ImportError)(_sentence)

if TYPE_CHECKING:
    from dashapp import callbacks as callbacks
    from dashapp.client import push as push
    from dashapp.integrations.dash_attach import attach as attach
    from dashapp.integrations.flask_mount import mount as mount
    from dashapp.integrations.notebook.show import show as show
    from dashapp.integrations.wsgi import wsgi_app as wsgi_app
    from dashapp.marks import mark as mark
    from dashapp.sources.options import source as source
    from dashapp.training_run import run as run
    from dashapp.web.live_graph import LiveGraph as LiveGraph

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import dashapp` alone loads nothing."""
    if name == "mount":
        from dashapp.integrations.flask_mount import mount

        return mount
    if name == "wsgi_app":
        from dashapp.integrations.wsgi import wsgi_app

        return wsgi_app
    if name == "LiveGraph":
        from dashapp.web.live_graph import LiveGraph

        return LiveGraph
    if name == "attach":
        from dashapp.integrations.dash_attach import attach

        return attach
    if name == "push":
        from dashapp.client import push

        return push
    if name == "callbacks":
        from importlib import import_module

        return import_module("dashapp.callbacks")
    if name == "mark":
        from dashapp.marks import mark

        return mark
    if name == "run":
        from dashapp.training_run import run

        return run
    if name == "show":
        from dashapp.integrations.notebook.show import show

        return show
    if name == "source":
        from dashapp.sources.options import source

        return source
    raise AttributeError(f"dashapp has no {name}")
