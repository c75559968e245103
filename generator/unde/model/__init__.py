"""What the layout says: reading, typing, and expanding its templates."""

from . import overlay, reader, select, source
from .estate import Estate, HostView, Role, TunnelView, expand, once, resized
from .reader import typed
from .schema import Layout
from .source import Source

__all__ = ["Estate", "HostView", "Layout", "Role", "Source", "TunnelView", "expand", "once", "overlay", "reader", "resized", "select", "source", "typed"]
