"""What the layout says: reading, typing, and expanding its templates."""

from . import overlay, reader, select, source
from .estate import Estate, HostView, Role, TunnelView, expand, once, resized
from .reader import lay, read
from .schema import Layout
from .source import Source

__all__ = ["Estate", "HostView", "Layout", "Role", "Source", "TunnelView", "expand", "lay", "once", "overlay", "read", "reader", "resized", "select", "source"]
