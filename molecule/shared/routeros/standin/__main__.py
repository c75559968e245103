"""``python -m standin machine NAME``: what systemd starts; ``guest NAME`` is what that starts inside the namespace."""

from __future__ import annotations

import sys

from . import guest, machine

if __name__ == "__main__":
    sys.exit({"machine": machine.main, "guest": guest.main}[sys.argv[1]](sys.argv[2]))
