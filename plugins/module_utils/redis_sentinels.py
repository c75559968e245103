# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Redis Sentinel: compared with what it is to watch, and brought to it while it runs. Who leads is never told to one that watches already."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import redis_server
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed

#: For one answer; for a sentinel that is starting; and for it to see everybody: they greet each other every two seconds, copies are asked for every ten.
ANSWER_S, START_S, SEE_S = 2, 30, 25
#: What Sentinel has before it is told otherwise, and does not write into its file: src/sentinel.c of Redis 8.
OWN = {"resolve-hostnames": "no", "announce-hostnames": "no"}
WATCHED = {"down-after-milliseconds": 30000, "failover-timeout": 180000, "parallel-syncs": 1}


def client(address: str, port: int, user: str, password: str) -> Any:
    """Return a client of a sentinel or a Redis."""
    return redis_server.client(host=address, port=port, username=user, password=password, socket_timeout=ANSWER_S)


class Sentinel:
    """The sentinel of a host, and what is wanted of it: the options of M(unde.infra.redis_sentinel)."""

    def __init__(self, wanted: dict[str, Any], actions: Actions) -> None:
        """Take what is wanted, and where what is done is listed."""
        self.wanted, self.actions = wanted, actions
        self.names = [str(each["name"]) for each in wanted["instances"]]
        #: The connection; None in check mode where it does not run yet: its file says then what it will know.
        self.running: Any = None

    # ── What it knows ─────────────────────────────────────────────────────────────────────────────────────────────────
    def connect(self) -> None:
        """Log in as admin, waiting for a sentinel that is still starting.

        Raises:
            Failed: it knows none of the passwords, or does not answer in time.

        """
        give_up = time.monotonic() + START_S
        while self.running is None:
            for password in self.wanted["admin_passwords"]:
                try:
                    sentinel = client(self.wanted["address"], self.wanted["port"], "admin", password)
                    sentinel.ping()
                    self.running = sentinel
                    break
                except (redis_server.library().AuthenticationError, redis_server.library().ResponseError):
                    continue
                except redis_server.library().RedisError as error:
                    if self.actions.check_mode:
                        return
                    if time.monotonic() > give_up:
                        raise Failed(f"the sentinel does not answer: {error}") from None
                    time.sleep(0.2)
                    break
            else:
                raise Failed(
                    "the sentinel knows none of the admin passwords given. If the password was changed, give the one before in "
                    "redis_sentinel_passwords_former (vault_redis_passwords/sentinel-admin) for this run, or restart the sentinel."
                )

    def written(self) -> list[list[str]]:
        """Return what it wrote into its own file, the words of each line after C(sentinel)."""
        file = Path(self.wanted["state_file"])
        lines = [shlex.split(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
        return [words[1:] for words in lines if words[:1] == ["sentinel"]]

    def own_settings(self) -> dict[str, str]:
        """Return its own settings."""
        if self.running is None:
            return OWN | {words[0]: words[1] for words in self.written() if len(words) == 2}
        flat = self.running.execute_command("SENTINEL", "CONFIG", "GET", "*")
        return dict(zip(flat[::2], flat[1::2], strict=False))

    def watched(self) -> dict[str, dict[str, Any]]:
        """Return what it watches: name → its settings, those besides that the sentinel tells nobody, from its own file."""
        if self.running is None:
            known = {words[1]: WATCHED | {"quorum": words[4]} for words in self.written() if words[0] == "monitor"}
        else:
            known = {name: self.running.sentinel_master(name) for name in self.running.sentinel_masters()}
        for words in self.written():
            if len(words) == 3 and words[1] in known:
                known[words[1]] = known[words[1]] | {words[0]: words[2]}
        return known

    def leader(self, instance: dict[str, Any]) -> str:
        """Find who leads an instance that this sentinel does not watch yet: the other sentinels know; without any, the copies themselves.

        Raises:
            Failed: no copy leads.

        """
        name = instance["name"]
        known = []
        for member in self.wanted["members"]:
            try:
                master = client(member, self.wanted["port"], "admin", self.wanted["admin_passwords"][0]).sentinel_master(name)
                known.append((master["config-epoch"], str(master["ip"])))
            except redis_server.library().RedisError:
                continue
        if known:
            return max(known)[1]
        leading = []
        for address in instance["copies"]:
            try:
                role = client(address, instance["port"], "sentinel", instance["password"]).role()
            except redis_server.library().RedisError:
                continue
            if role[0] == "master":
                leading.append((len(role[2]), str(address)))
        if not leading:
            raise Failed(f"{name}: no copy at {', '.join(instance['copies'])} says that it leads: the role redis comes first")
        # The one that is followed; of several that nobody follows the layout's first.
        return max(leading, key=lambda each: each[0])[1]

    # ── What it is told ───────────────────────────────────────────────────────────────────────────────────────────────
    def apply(self) -> None:
        """Bring the sentinel to what is wanted.

        Raises:
            Failed: it cannot be asked, or nobody leads what it is to watch.

        """
        if not self.actions.check_mode or redis_server.library():
            self.connect()
        # One that starts reads them itself.
        users = {line.strip() for line in self.wanted["users"].splitlines() if line.strip()}
        if self.running is not None and set(self.running.acl_list()) != users and self.actions.note("load users"):
            self.running.acl_load()
        self.apply_own_settings()
        known = self.watched()
        for instance in self.wanted["instances"]:
            self.watch(instance, known.get(instance["name"]))
        for name in sorted(known.keys() - set(self.names)):
            if self.actions.note(f"stop watching {name}"):
                self.running.sentinel_remove(name)

    def apply_own_settings(self) -> None:
        """Bring its own settings to what is wanted: addresses are addresses, and how it greets the others."""
        wanted = OWN | {
            "announce-ip": self.wanted["address"], "announce-port": str(self.wanted["port"]),
            "sentinel-user": "peer", "sentinel-pass": self.wanted["peer_password"],
        }  # fmt: skip
        there = self.own_settings()
        for name, value in wanted.items():
            if there.get(name) != value and self.actions.note(f"set {name}"):
                self.running.execute_command("SENTINEL", "CONFIG", "SET", name, value)

    def watch(self, instance: dict[str, Any], known: dict[str, Any] | None) -> None:
        """Let it watch an instance as is wanted, and forget sentinels and copies that are no more: they would count in every vote.

        Raises:
            Failed: it does not watch it yet, and nobody leads it.

        """
        name, quorum = instance["name"], self.wanted["quorum"]
        wanted = {
            "quorum": quorum, "down-after-milliseconds": self.wanted["down_after"] * 1000, "failover-timeout": self.wanted["failover_timeout"] * 1000,
            "parallel-syncs": 1, "auth-user": "sentinel", "auth-pass": instance["password"],
        }  # fmt: skip
        fresh = known is None
        if fresh and self.actions.note(f"watch {name}"):
            self.running.sentinel_monitor(name, self.leader(instance), instance["port"], quorum)
        there = WATCHED | {"quorum": quorum} if known is None else known
        for setting, value in wanted.items():
            if str(there.get(setting)) != str(value) and self.actions.note(f"set {setting} of {name}"):
                self.running.sentinel_set(name, setting, value)
        if fresh or self.running is None:
            return
        gone = [each["ip"] for each in self.running.sentinel_sentinels(name) if each["ip"] not in self.wanted["members"]]
        gone += [each["ip"] for each in self.running.sentinel_slaves(name) if each["ip"] not in instance["copies"]]
        if gone and there["flags"] == "master" and self.actions.note(f"forget {', '.join(gone)} of {name}"):
            self.running.sentinel_reset(name)

    # ── What it sees ──────────────────────────────────────────────────────────────────────────────────────────────────
    def seen(self, instance: dict[str, Any]) -> tuple[str, bool, bool]:
        """Say what it sees of an instance, whether it reaches a master, and whether everybody is there."""
        name, copies, members = instance["name"], len(instance["copies"]) - 1, len(self.wanted["members"])
        known = self.running.sentinel_master(name)
        following = [each for each in self.running.sentinel_slaves(name) if each["flags"] == "slave" and each["master-link-status"] == "ok"]
        voting = [each for each in self.running.sentinel_sentinels(name) if each["flags"] == "sentinel"]
        said = f"{name}: {known['ip']} leads ({known['flags']}), {len(following)} of {copies} copies follow, {len(voting) + 1} of {members} sentinels"
        leads = known["flags"] == "master"
        return said, leads, leads and len(following) == copies and len(voting) + 1 == members

    def look(self) -> list[str]:
        """Say what it sees of each instance, as soon as everybody is there, or after some time; in check mode of those that it watches, at once.

        Raises:
            Failed: it reaches no master of one of them.

        """
        if self.actions.check_mode:
            there = self.running.sentinel_masters() if self.running is not None else {}
            return [self.seen(each)[0] for each in self.wanted["instances"] if each["name"] in there]
        give_up = time.monotonic() + SEE_S
        while True:
            sees = [self.seen(each) for each in self.wanted["instances"]]
            if all(whole for _said, _leads, whole in sees) or time.monotonic() > give_up:
                break
            time.sleep(0.5)
        if not all(leads for _said, leads, _whole in sees):
            raise Failed("; ".join(said for said, _leads, _whole in sees))
        return [said for said, _leads, _whole in sees]
