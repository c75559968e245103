"""Redis servers and sentinels in memory, behind what stands in the place of the library: no test speaks to a real one, and the library need not be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class RedisError(Exception):
    """Whatever goes wrong."""


class Unreachable(RedisError):
    """Nobody answers."""


class ResponseError(RedisError):
    """A server's refusal."""


class AuthenticationError(RedisError):
    """A password that the server does not know."""


class Server:
    """A server: whom it lets in, and what it is asked and told."""

    def __init__(self, passwords: dict[str, str], **parts: Any) -> None:
        """Have users with a password each; the rest is empty unless it is given."""
        self.passwords = passwords
        self.asked: list[str] = []
        #: How often it is still loading its data.
        self.loading = 0
        self.config: dict[str, str] = {}
        #: Settings that it takes at its start alone.
        self.fixed: set[str] = set()
        self.users: list[str] = []
        #: What its ACL file says.
        self.file: list[str] = []
        self.code = ""
        self.following = ""
        self.followers = 0
        #: Of a sentinel: what it watches, its own settings.
        self.masters: dict[str, dict[str, Any]] = {}
        self.own: dict[str, str] = {}
        #: Of a sentinel: who else is there, as soon as it watches.
        self.sentinels: dict[str, list[str]] = {}
        self.copies: dict[str, list[str]] = {}
        vars(self).update(parts)

    def told(self) -> list[str]:
        """Return what it was told, leaving out what it was asked."""
        questions = (
            "ping",
            "role",
            "config_get",
            "acl_list",
            "function_list",
            "sentinel_master",
            "sentinel_slaves",
            "sentinel_sentinels",
            "SENTINEL CONFIG GET",
        )
        return [each for each in self.asked if not each.startswith(questions)]

    def do_ping(self) -> None:
        if self.loading:
            self.loading -= 1
            raise RedisError("loading the dataset in memory")

    def do_role(self) -> list[Any]:
        return ["slave", self.following, 6379] if self.following else ["master", 0, ["one"] * self.followers]

    def do_config_get(self, *names: str) -> dict[str, str]:
        return {name: value for name, value in self.config.items() if name in names}

    def do_config_set(self, name: str, value: str) -> None:
        if name in self.fixed:
            raise ResponseError(f"CONFIG SET failed: can't set immutable config {name}")
        self.config[name] = value

    def do_acl_list(self) -> list[str]:
        return self.users

    def do_acl_load(self) -> None:
        self.users = self.file

    def do_function_list(self, library: str, withcode: bool) -> list[list[Any]]:
        return [["library_name", library, "library_code", self.code]] if self.code else []

    def do_function_load(self, code: str, replace: bool) -> None:
        self.code = code

    def do_function_delete(self, library: str) -> None:
        self.code = ""

    def do_sentinel_masters(self) -> dict[str, dict[str, Any]]:
        return self.masters

    def do_sentinel_master(self, name: str) -> dict[str, Any]:
        if name not in self.masters:
            raise ResponseError("No such master with that name")
        return self.masters[name]

    def do_sentinel_monitor(self, name: str, address: str, port: int, quorum: int) -> None:
        self.masters[name] = {
            "ip": address, "flags": "master", "quorum": quorum, "config-epoch": 0,
            "down-after-milliseconds": 30000, "failover-timeout": 180000, "parallel-syncs": 1,
        }  # fmt: skip

    def do_sentinel_set(self, name: str, setting: str, value: Any) -> None:
        self.masters[name][setting] = value

    def do_sentinel_remove(self, name: str) -> None:
        del self.masters[name]

    def do_sentinel_reset(self, name: str) -> None:
        self.sentinels[name] = self.copies[name] = []

    def do_sentinel_sentinels(self, name: str) -> list[dict[str, str]]:
        return [{"ip": address, "flags": "sentinel"} for address in self.sentinels.get(name, [])]

    def do_sentinel_slaves(self, name: str) -> list[dict[str, str]]:
        return [{"ip": address, "flags": "slave", "master-link-status": "ok"} for address in self.copies.get(name, [])]

    def do_execute_command(self, *words: str) -> list[str]:
        if words[:3] == ("SENTINEL", "CONFIG", "GET"):
            return [word for pair in self.own.items() for word in pair]
        self.own[words[3]] = words[4]
        return []


class Client:
    """A connection to a server, or to nobody."""

    def __init__(self, server: Server | None, user: str, password: str) -> None:
        """Take who it is to be."""
        self.server, self.user, self.password = server, user, password

    def __getattr__(self, command: str) -> Callable[..., Any]:
        """Return a command, which is refused where the password is wrong."""

        def call(*arguments: Any, **more: Any) -> Any:
            if self.server is None:
                raise Unreachable("Connection refused")
            if self.server.passwords.get(self.user) != self.password:
                raise AuthenticationError("invalid username-password pair or user is disabled.")
            self.server.asked.append(" ".join(map(str, ([] if command == "execute_command" else [command]) + [*arguments])))
            return getattr(self.server, f"do_{command}")(*arguments, **more)

        return call


class Library:
    """What stands in the place of the library."""

    RedisError, ResponseError, AuthenticationError, ConnectionError = RedisError, ResponseError, AuthenticationError, Unreachable

    def __init__(self) -> None:
        """Have no server."""
        self.servers: dict[str, Server] = {}

    def server(self, place: str, passwords: dict[str, str], **parts: Any) -> Server:
        """Have a server at a socket's path or at `address:port`."""
        self.servers[place] = Server(passwords, **parts)
        return self.servers[place]

    def Redis(self, host: str = "", port: int = 0, *, unix_socket_path: str = "", username: str, password: str, **more: Any) -> Client:
        """Return a connection."""
        assert more["retry"] is None
        assert more["decode_responses"]
        assert more["socket_timeout"]
        return Client(self.servers.get(unix_socket_path or f"{host}:{port}"), username, password)
