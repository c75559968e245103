# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Running Redis instances, each a unit redis-server@<name>: compared with what is wanted, and brought to it without a restart where Redis allows that."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import redis_start, systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed

#: Where the instances keep their data and their sockets, and where the kernel's settings are.
DATA, SOCKETS, KERNEL = Path("/var/lib/redis"), Path("/run"), Path("/proc/sys")
#: What every configuration that the role wrote has in it.
MARK = "Managed by unde.infra.redis"
UNITS = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
#: For an instance that is starting, or loading its data.
WAIT_S = 60
#: What Redis says of a password that it does not know: a class of its own in newer versions of the library, in older ones not.
WRONG = "invalid username-password pair"
#: Settings that Redis 8 takes only from its file: IMMUTABLE_CONFIG and PROTECTED_CONFIG in its src/config.c. Only check mode goes by this list.
ONLY_AT_START = frozenset({"aclfile", "dir", "logfile", "pidfile", "unixsocket", "unixsocketperm"})
#: Name of the library of functions.
LIBRARY = "unde"


def unit_of(name: str) -> str:
    """Return the unit of an instance."""
    return f"redis-server@{name}.service"


def library() -> Any:
    """Return python3-redis, or None where it is missing; it is looked for each time: an interpreter may be kept from before the package came."""
    try:
        import redis
    except ImportError:
        return None
    return redis


def client(**where: Any) -> Any:
    """Return a client of a server or a sentinel, which connects at its first command and tries once."""
    return library().Redis(**where, **redis_start.ONCE)


def connect(name: str, passwords: list[str]) -> Any:
    """Log in as admin, waiting for an instance that is still starting or loading its data.

    Raises:
        Failed: it knows none of the passwords, refuses, or does not answer in time.

    """
    give_up = time.monotonic() + WAIT_S
    while True:
        try:
            for password in passwords:
                socket = str(SOCKETS / f"redis-{name}/redis-server.sock")
                instance = client(unix_socket_path=socket, username="admin", password=password, socket_timeout=WAIT_S)
                try:
                    instance.ping()
                    return instance
                except library().RedisError as error:
                    if WRONG not in str(error):
                        raise
            raise Failed(
                f"{name}: the running instance knows none of the admin passwords given. If the password was changed, "
                f"give the one before in redis_passwords_former (vault_redis_passwords/{name}-admin) for this run, or restart the instance."
            )
        except library().RedisError as error:
            if time.monotonic() > give_up or isinstance(error, library().ResponseError):
                raise Failed(f"{name}: {error}") from None
            time.sleep(0.2)


def master_of(client: Any) -> str | None:
    """Return the address of the master that an instance follows; None for one that leads."""
    role, *of = client.role()
    return str(of[0]) if role == "slave" else None


def settings(text: str) -> dict[str, str]:
    """Return `directive value …` lines as CONFIG GET would print their values; what is included is no business of the running instance."""
    wanted = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] != "include":
            value = " ".join(words[1:])
            number, unit = value[:-2], value[-2:]
            wanted[words[0]] = str(int(number) * UNITS[unit]) if unit in UNITS and number.isdigit() else value
    return wanted


def has_data(name: str) -> bool:
    """Return whether there is anything in the data directory of an instance."""
    return (DATA / name).is_dir() and any((DATA / name).iterdir())


def foreign_paths(names: list[str], package_unit_masked: bool) -> list[str]:
    """Return data and configurations in the way of instances that the role did not make."""
    found = [] if package_unit_masked else [path for each in ("dump.rdb", "appendonlydir", "appendonly.aof") if (path := DATA / each).exists()]
    for name in names:
        configuration = redis_start.CONFIGURATION / f"redis-{name}.conf"
        if not configuration.exists():
            found += [DATA / name] if has_data(name) else []
        elif MARK not in configuration.read_text(encoding="utf-8", errors="replace"):
            found.append(configuration)
    return [str(path) for path in found]


def differing_kernel_settings(wanted: dict[str, Any]) -> list[str]:
    """Return the kernel settings that differ and can be changed; a container's are the business of the machine below."""
    paths = {name: KERNEL / name.replace(".", "/") for name in wanted}
    return [name for name, path in paths.items() if os.access(path, os.W_OK) and path.read_text(encoding="utf-8").strip() != str(wanted[name])]


class Instance:
    """One instance, and what is wanted of it: the options of M(unde.infra.redis_instances)."""

    def __init__(self, wanted: dict[str, Any], unit: systemd.Unit, actions: Actions) -> None:
        """Take what is wanted, how the unit stands, and where what is done is listed."""
        self.name, self.wanted, self.unit, self.actions = str(wanted["name"]), wanted, unit, actions

    def is_stale(self, changed_paths: list[str]) -> bool:
        """Return whether systemd would have to read the files of a running unit anew; those of one that is started are read then."""
        directory = f"/etc/systemd/system/{self.unit.name}.d/"
        return self.unit.active and (self.unit.needs_daemon_reload or any(path.startswith(directory) for path in changed_paths))

    def start(self) -> None:
        """Have it run, and start with the host.

        Raises:
            Failed: it does not start.

        """
        if not self.unit.enabled:
            self.actions.do("systemctl", "enable", self.unit.name, said=f"enable {self.unit.name}")
        if not self.unit.active:
            self.actions.do("systemctl", "start", self.unit.name, said=f"start {self.unit.name}", journal=self.unit.name)

    def foretell_functions(self) -> None:
        """List, in check mode, what follows the first start: functions are in no file that is read then, and come with data and with a master's data."""
        if self.wanted["functions"] and self.wanted["leads_first"] and not has_data(self.name):
            self.actions.note(f"load functions of {self.name}")

    def apply(self, may_restart: bool) -> list[str]:
        """Bring the running instance to what is wanted; return the settings that wait for a restart that is not allowed.

        Raises:
            Failed: it cannot be asked, or is not restarted.

        """
        client = connect(self.name, self.wanted["admin_passwords"])
        waiting = self.apply_settings(client)
        if set(client.acl_list()) != {line.strip() for line in self.wanted["users"].splitlines() if line.strip()} and self.actions.note(
            f"load users of {self.name}"
        ):
            client.acl_load()
        if waiting and may_restart:
            said = f"restart {self.unit.name}: {', '.join(waiting)} can only be set at its start"
            self.actions.do("systemctl", "restart", self.unit.name, said=said, journal=self.unit.name)
            client, waiting = (client if self.actions.check_mode else connect(self.name, self.wanted["admin_passwords"])), []
        # A copy has the functions of its master.
        if master_of(client) is None:
            self.load_functions(client)
        return waiting

    def apply_settings(self, client: Any) -> list[str]:
        """Set what differs; return what only a start can bring."""
        password = self.wanted["replica_password"]
        wanted = settings(self.wanted["configuration"]) | (redis_start.follower_settings(password) if password else {})
        live, waiting = client.config_get(*wanted), []
        for setting, value in wanted.items():
            if live.get(setting) == value:
                continue
            if self.takes(client, setting, value):
                self.actions.note(f"set {setting} of {self.name}" + ("" if setting == "masterauth" else f": {live.get(setting)!r} -> {value!r}"))
            else:
                waiting.append(setting)
        return waiting

    def takes(self, client: Any, setting: str, value: str) -> bool:
        """Set a setting of the running instance; return whether it took it, or in check mode would."""
        if self.actions.check_mode:
            return setting not in ONLY_AT_START
        try:
            client.config_set(setting, value)
        except library().ResponseError:
            return False
        return True

    def load_functions(self, client: Any) -> None:
        """Load the functions, or remove them where none are wanted."""
        code = self.wanted["functions"]
        loaded = [dict(zip(entry[::2], entry[1::2], strict=False)).get("library_code") for entry in client.function_list(LIBRARY, withcode=True)]
        if code and loaded != [code]:
            if self.actions.note(f"load functions of {self.name}"):
                client.function_load(code, replace=True)
        elif loaded and not code and self.actions.note(f"remove functions of {self.name}"):
            client.function_delete(LIBRARY)
