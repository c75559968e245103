"""By what the router is managed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..table import Behaviour

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

PORTS = {"telnet": 23, "ftp": 21, "www": 80, "ssh": 22, "www-ssl": 443, "api": 8728, "api-ssl": 8729, "winbox": 8291}
WITH_TLS = ("www-ssl", "api-ssl")


class Services(Behaviour):
    """A fixed list; there is also a dynamic item for each connection."""

    def factory(self) -> list[Row]:
        """Return the services of a new CHR."""
        return [
            {"name": name, "port": str(port), "address": "", "vrf": "main", "disabled": str(name == "www-ssl").lower(),
             **({"certificate": "none", "tls-version": "any"} if name in WITH_TLS else {})}
            for name, port in PORTS.items()
        ]  # fmt: skip

    def shown(self, router: Router, row: Row) -> Row:
        """Return whose it is."""
        return {"invalid": "false", "dynamic": "false", "proto": "tcp"}

    def dynamic(self, router: Router) -> list[Row]:
        """Return the connections."""
        return [
            {"name": each.service, "connection": "true", "proto": "tcp", "port": str(each.local[1]),
             "local": f"{each.local[0]}:{each.local[1]}", "remote": f"{each.peer[0]}:{each.peer[1]}"}
            for each in router.sessions
        ]  # fmt: skip
