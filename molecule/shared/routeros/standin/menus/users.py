"""Who may log in, and what they may do."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import time
from typing import TYPE_CHECKING

from ..errors import unmatched
from ..table import Behaviour

if TYPE_CHECKING:
    from ..router import Router, Session
    from ..table import Row

POLICIES = ("local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test", "winbox", "password", "web", "sniff", "sensitive",
            "api", "romon", "rest-api")  # fmt: skip
#: Group → what it may not.
LESS = {"read": {"ftp", "write", "policy"}, "write": {"ftp", "policy"}, "full": set[str]()}
ROUNDS = 5000


class Groups(Behaviour):
    """Policies by name."""

    clash = "failure: group with the same name already exists"

    def factory(self) -> list[Row]:
        """Return the groups of a new router."""
        return [{"name": name, "policy": policy(set(POLICIES) - less)} for name, less in LESS.items()]

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Write policies as the router does: what a group may, then what it may not."""
        given = [each for each in row.get("policy", "").split(",") if each]
        if any(each.removeprefix("!") not in POLICIES for each in given):
            raise unmatched("policy")
        row["policy"] = policy({each for each in given if not each.startswith("!")})


class Users(Behaviour):
    """Names and passwords; of a password only a hash is kept."""

    clash = "failure: user with the same name already exists"

    def factory(self) -> list[Row]:
        """Return the user of a new router, who has no password."""
        return [{"name": "admin", "group": "full", "address": "", "comment": "system default user", ".password": hashed("")}]

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Keep the hash instead of the password."""
        row.setdefault("address", "")
        if "password" in row:
            row[".password"] = hashed(row.pop("password"))

    def shown(self, router: Router, row: Row) -> Row:
        """Return when the user was last here."""
        return {"last-logged-in": row[".last"], "expired": "false"} if ".last" in row else {"expired": "false"}


class Active(Behaviour):
    """Who is here now."""

    def told(self, router: Router) -> list[Row]:
        """Return a session each."""
        return [
            {".id": f"*{number:X}", "name": each.user, "address": each.peer[0], "via": each.service, "when": _when(each.since),
             "group": _group(router, each.user)}
            for number, each in enumerate(router.sessions, 1) if each.user
        ]  # fmt: skip


def log_in(router: Router, session: Session, name: str, password: str) -> bool:
    """Let a session be a user's; return whether it may."""
    for row in router.table("user").enabled():
        if row["name"] != name or not _from_there(row["address"], session.peer[0]) or not matches(row[".password"], password):
            continue
        granted = router.table("user group").find(row["group"])[0]["policy"].split(",")
        if "api" not in granted:
            return False
        session.user, session.policies = name, frozenset(granted)
        row[".last"] = _when(time.time())
        return True
    return False


def _from_there(networks: str, peer: str) -> bool:
    return not networks or any(ipaddress.ip_address(peer) in ipaddress.ip_network(each) for each in networks.split(","))


def _group(router: Router, user: str) -> str:
    return next((row["group"] for row in router.table("user").rows if row["name"] == user), "")


def policy(allowed: set[str]) -> str:
    """Return a group's policies as the router writes them."""
    return ",".join([*(each for each in POLICIES if each in allowed), *(f"!{each}" for each in POLICIES if each not in allowed)])


def hashed(password: str, salt: str = "") -> str:
    """Return what is kept of a password."""
    salt = salt or os.urandom(8).hex()
    return f"{salt}:{hashlib.pbkdf2_hmac('sha256', password.encode(), salt.encode(), ROUNDS).hex()}"


def matches(kept: str, password: str) -> bool:
    """Return whether a password is the one of which this was kept."""
    return hmac.compare_digest(kept, hashed(password, kept.partition(":")[0]))


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
