"""Bring a host's services to what is wanted, one after the other; what the layout names no longer is removed before."""

from __future__ import annotations

import sys

import health
import services
from common import VOLATILE, Refused, read_order, report, run


def main() -> None:
    """Run the command."""
    order = read_order()
    changed: dict[str, list[str]] = {}
    waiting: dict[str, list[str]] = {}
    refused: list[str] = []
    volatile = any(service["volatile"] for service in order["services"])
    if volatile and not order["check"]:
        VOLATILE.mkdir(parents=True, exist_ok=True)
        kind = run("stat", "--file-system", "--format=%T", str(VOLATILE))
        if kind != "tmpfs":
            print(f"{VOLATILE} lies on {kind}, not on tmpfs: a key that must never reach a disk has no place here", file=sys.stderr)
            sys.exit(1)
    # First, since a new service may want the port of one that leaves.
    for name in sorted(set(services.known()) - {service["name"] for service in order["services"]}):
        if health.active(name) and not order["may_restart"]:
            waiting[name] = ["removal"]
        else:
            changed[name] = ["removal"]
            if not order["check"]:
                services.remove(name)
    for service in order["services"]:
        try:
            found = services.differs(service)
            if services.can_be_handed(service, found):
                changed[service["name"]] = found
                if not order["check"]:
                    services.hand(service)
            elif found and health.active(service["name"]) and not order["may_restart"]:
                waiting[service["name"]] = found
            elif found:
                changed[service["name"]] = found
                if not order["check"]:
                    services.bring(service)
        except Refused as error:
            refused.append(str(error))
    report(bool(changed), services=changed, waiting=waiting, refused=refused)


if __name__ == "__main__":
    main()
