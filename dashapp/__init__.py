"""dashapp: a live monitor of this machine, in the browser.

The public face. It imports nothing heavy, so that the collector stays small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashapp.attaching import attach as attach
    from dashapp.component import LiveGraph as LiveGraph
    from dashapp.mounting import mount as mount
    from dashapp.pushing import push as push
    from dashapp.sources.about import source as source

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What is there when asked for: `import dashapp` alone loads nothing."""
    if name == "mount":
        from dashapp.mounting import mount

        return mount
    if name == "LiveGraph":
        from dashapp.component import LiveGraph

        return LiveGraph
    if name == "attach":
        from dashapp.attaching import attach

        return attach
    if name == "push":
        from dashapp.pushing import push

        return push
    if name == "source":
        from dashapp.sources.about import source

        return source
    raise AttributeError(f"dashapp has no {name}")
