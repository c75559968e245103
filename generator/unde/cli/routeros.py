"""``unde routeros``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, Assignments, LayoutFile, Overlay, load_sound


def routeros(layout: LayoutFile = DEFAULT_LAYOUT,
             key: Annotated[list[str] | None, typer.Option(
                 metavar="TUNNEL=KEY", help="Public key of a tunnel's far end; give it again for each. Without one a tunnel gets no peer yet.")] = None,
             overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Print a gateway's configuration as a RouterOS script: tunnels, routes, filter, services. Nothing secret is in it.

    The router makes its private keys itself. On an empty router: /import file-name=gateway.rsc

    Example: unde routeros > gateway.rsc
    """
    from ..errors import WrongCall
    from ..plan import routeros as plan
    from ..reports import render
    from ..reports import routeros as report

    estate = load_sound(layout, overlay, assignments)
    if not estate.gateways:
        raise WrongCall(f"{layout}: no site has a gateway: nothing to print")
    keys = dict(_pair(each, list(estate.tunnels)) for each in key or [])
    for host, site in estate.gateways.items():
        gateway = estate.layout.sites[site].gateway
        version = gateway.routeros_version if gateway else ""
        missing = [tunnel.name for tunnel in estate.tunnels_of[host] if tunnel.name not in keys]
        menus = plan.with_keys(plan.configuration(estate, host), keys)
        render.show(report.script(menus, [f"{host}, gateway of {site}, RouterOS {version}", "Written by `unde routeros` from the layout."]).rstrip("\n"))
        if missing:
            complain(f"{host}: no peer yet for {', '.join(missing)}: give --key TUNNEL=KEY")
        if not plan.management(estate, host):
            complain(f"{host}: WinBox and API are open to every network: name those of the operators in the layout (services.operators.networks)")


def _pair(text: str, tunnels: list[str]) -> tuple[str, str]:
    """Return a tunnel and its key.

    Raises:
        WrongCall: it is neither, or no such tunnel.

    """
    import base64

    from ..errors import WrongCall, nearest

    name, _, key = text.partition("=")
    if name not in tunnels:
        raise WrongCall(f"--key {text}: '{name}' is no tunnel — {nearest(name, tunnels)}")
    try:
        size = len(base64.b64decode(key, validate=True))
    except ValueError:
        size = 0
    if size != 32:
        raise WrongCall(f"--key {text}: not the 32 bytes of a WireGuard key in base64 — copy what `wg show {name} public-key` prints")
    return name, key
