"""Run the gate: ``python3 -m unde_gate SETTINGS.json``; its key stands in a file that only it reads."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from .counters import Counters
from .policy import Policy
from .relay import Relay
from .server import Gate


def main() -> None:
    """Read the settings, listen, serve until the unit stops."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    key = Path(settings["key_file"]).read_bytes()
    counters = Counters()
    policy = Policy.from_file(Path(__file__).with_name("events.json"), key)
    relay = Relay(counters, (settings["upstream_address"], settings["upstream_port"]), settings["upstream_path"], settings["room"], settings["timeout_s"])
    relay.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Gate((settings["address"], settings["port"]), policy, relay, counters).serve_forever()


if __name__ == "__main__":
    main()
