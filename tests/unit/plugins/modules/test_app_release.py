"""The modules ``unde.infra.app_release``: what a host's services are brought to, in which steps, and what comes back where a release is not healthy."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import stat
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import app_service
from ansible_collections.unde.infra.plugins.modules import app_release

Called = Callable[..., dict[str, Any]]
TREES = ("PROGRAMS", "SETTINGS", "STATE", "UNITS", "MEMORY", "GIVEN")


class Host:
    """A host in a directory: its trees, what systemd would say, and which releases are healthy."""

    def __init__(self, root: Path, programs: Any) -> None:
        self.root = root
        self.programs = programs
        self.users = {"unde-alpha", "unde-beta"}
        self.sick: set[str] = set()
        self.active(False)
        for words in ("daemon-reload", "enable", "reset-failed", "disable", "useradd", "hand-secrets"):
            programs.say(words)
        programs.say("systemctl restart")
        programs.say("stat --file-system", "tmpfs\n")

    def active(self, yes: bool = True, restarts: int = 0) -> None:
        """Say whether the services run, and how often they ended."""
        self.programs.say("systemctl show", f"ActiveState={'active' if yes else 'inactive'}\nNRestarts={restarts}\n")

    def did(self, *words: str) -> list[str]:
        """Return the command lines with one of these words."""
        return [line for line in self.programs.asked if any(word in line for word in words)]

    def archive(self, *members: str) -> Path:
        """Pack an archive with a program and other members; an absolute one is what nobody may send."""
        path = self.root / "alpha.tar"
        with tarfile.open(path, "w") as packed:
            for name in members or ("bin/standin",):
                entry = tarfile.TarInfo(name)
                entry.size = 2
                packed.addfile(entry, io.BytesIO(b"#!"))
        return path

    def tree(self) -> dict[str, tuple[int, str]]:
        """Return all files and links, with modes and contents."""
        found = sorted(path for name in TREES for path in (self.root / name.lower()).rglob("*") if path.is_symlink() or path.is_file())
        return {str(path): (stat.S_IMODE(path.lstat().st_mode), os.readlink(path) if path.is_symlink() else path.read_text()) for path in found}


@pytest.fixture
def host(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Return a host with nothing, on which whatever is started is healthy unless its version is among the sick."""
    for name in TREES:
        monkeypatch.setattr(app_service, name, tmp_path / name.lower())
    (tmp_path / "units").mkdir()
    made = Host(tmp_path, programs)

    def exists(user: str) -> None:
        if user not in made.users:
            raise KeyError(user)

    def answer(address: str, port: int, path: str) -> str:
        link = tmp_path / "programs/alpha/current"
        return "it answers 503" if link.is_symlink() and os.path.basename(os.readlink(link)) in made.sick else ""

    monkeypatch.setattr(app_service.pwd, "getpwnam", exists)
    monkeypatch.setattr(app_service, "ask", answer)
    monkeypatch.setattr(app_service, "PAUSE_S", 0)
    seconds = itertools.count()
    monkeypatch.setattr(app_service.time, "monotonic", lambda: next(seconds) / 10)
    run = programs.run

    def restart(words: list[str], **more: Any) -> tuple[int, str, str]:
        if words[:2] == ["systemctl", "restart"]:
            made.active()
        return run(words, **more)

    monkeypatch.setattr(programs, "run", restart)
    umask = os.umask(0o077)
    yield made
    os.umask(umask)


def service(host: Host, version: str = "1", **more: Any) -> dict[str, Any]:
    """Return a service as the role gives it."""
    return {
        "name": "alpha", "version": version, "archive": str(host.root / "alpha.tar"), "program": "bin/standin", "run": f"exec {version}\n",
        "unit": "[Service]\n", "environment": "UNDE_SERVICE=alpha\n", "address": "127.0.0.1", "port": 8010, "health": "/health", "start_s": 1, **more,
    }  # fmt: skip


def deploy(called: Called, host: Host, *versions: str, **more: Any) -> dict[str, Any]:
    """Deploy releases of alpha one after the other, and return the last result."""
    result: dict[str, Any] = {}
    for version in versions:
        host.archive()
        result = called(app_release, services=[service(host, version)], **more)
    return result


def test_a_first_release(host: Host, called: Called) -> None:
    host.archive()
    host.users.clear()
    result = called(app_release, services=[service(host)], secrets={"alpha": {"api-key": "for-nobody"}}, memory_secrets={"alpha": {"master": "in-memory"}})
    words = "version, environment, unit, run, secret api-key, secret master"
    assert result["actions"] == ["create user unde-alpha", "unpack release 1 of alpha", f"start unde-alpha.service with release 1: {words}"]
    assert result["changed"]
    tree = {name.removeprefix(f"{host.root}/"): each for name, each in host.tree().items()}
    assert tree["programs/alpha/current"][1] == "releases/1"
    assert tree["programs/alpha/releases/1/run"] == (0o755, "exec 1\n")
    assert tree["settings/alpha/secrets/api-key"] == (0o600, "for-nobody")
    assert tree["memory/alpha/master"] == (0o600, "in-memory")
    assert stat.S_IMODE((host.root / "settings/alpha/secrets").stat().st_mode) == 0o700
    assert tree["settings/alpha/environment"][0] == tree["units/unde-alpha.service"][0] == 0o644, "whatever root's umask"
    assert stat.S_IMODE((host.root / "programs/alpha/releases/1/files").stat().st_mode) == 0o755
    assert not (host.root / "alpha.tar").exists(), "its archive is gone"
    assert not any("state/alpha/pending" in name for name in tree)
    assert host.did("useradd", "systemctl restart") == [
        "useradd --system --user-group --no-create-home --home-dir /var/lib/unde-alpha --shell /usr/sbin/nologin unde-alpha",
        "systemctl restart unde-alpha.service",
    ]


def test_no_secret_is_told(host: Host, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the result nor in the journal, and not where its lines or quotes are written in another way."""
    logged: list[str] = []
    monkeypatch.setattr(app_release.AnsibleModule, "log", lambda self, text, log_args=None: logged.append(f"{text} {log_args}"))
    host.archive()
    result = called(app_release, services=[service(host)], secrets={"alpha": {"api-key": "for-nobody\n's eyes"}})
    assert "UNDE_SERVICE=alpha" in str(logged)
    assert "for-nobody" not in json.dumps(result) + str(logged)


def test_a_second_run_changes_nothing(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    before, asked = host.tree(), len(host.programs.asked)
    result = called(app_release, services=[service(host)])
    assert (result["changed"], result["actions"], result["pending"]) == (False, [], {})
    assert host.tree() == before
    assert {line.partition(" --")[0] for line in host.programs.asked[asked:]} == {"systemctl show unde-alpha.service"}


@pytest.mark.parametrize("before", [(), ("1",), ("1", "2", "3", "4")])
def test_check_mode_tells_what_the_run_then_does(before: tuple[str, ...], host: Host, called: Called) -> None:
    deploy(called, host, *before)
    host.archive()
    wanted = {"services": [service(host, "9")], "secrets": {"alpha": {"api-key": "x-y-z"}}}
    tree = host.tree()
    told = called(app_release, True, **wanted)
    assert host.tree() == tree
    assert (host.root / "alpha.tar").exists()
    done = called(app_release, False, **wanted)
    assert told["actions"] == done["actions"]
    assert told["diff"] == {"prepared": "".join(f"{each}\n" for each in told["actions"])}
    assert [each for each in told["actions"] if "remove" in each] == (["remove release 2 of alpha"] if len(before) == 4 else [])


def test_three_releases_are_kept(host: Host, called: Called) -> None:
    deploy(called, host, "1", "2", "3", "4")
    assert sorted(each.name for each in (host.root / "programs/alpha/releases").iterdir()) == ["2", "3", "4"]


def test_the_release_before_is_kept_however_old(host: Host, called: Called) -> None:
    deploy(called, host, "1", "2", "3")
    host.sick = {"5", "6"}
    assert deploy(called, host, "5")["failed"]
    assert deploy(called, host, "6")["failed"]
    old = time.time() - 9000
    os.utime(host.root / "programs/alpha/releases/3", (old, old))
    told = called(app_release, True, services=[service(host, "7")])["actions"]
    assert deploy(called, host, "7")["actions"] == told
    assert {each.name for each in (host.root / "programs/alpha/releases").iterdir()} == {"3", "6", "7"}
    assert {each for each in told if "remove" in each} == {f"remove release {each} of alpha" for each in ("1", "2", "5")}


def test_a_release_that_is_not_healthy_is_rolled_back(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    host.sick = {"2"}
    host.archive()
    result = called(app_release, services=[service(host, "2", environment="OTHER=1\n", unit="[Other]\n")], secrets={"alpha": {"api-key": "rotated"}})
    assert result["failed"]
    assert result["msg"] == (
        "alpha 2: not healthy within 1 s: it answers 503; see journalctl -u unde-alpha.service. Rolled back: 1 runs again."
    )  # fmt: skip
    assert (host.root / "settings/alpha/environment").read_text() == "UNDE_SERVICE=alpha\n"
    assert (host.root / "units/unde-alpha.service").read_text() == "[Service]\n"
    assert os.readlink(host.root / "programs/alpha/current") == "releases/1"
    assert (host.root / "settings/alpha/secrets/api-key").read_text() == "rotated", "what was rotated is rotated"
    assert not (host.root / "state/alpha/pending").exists()


def test_a_first_release_that_is_not_healthy_is_tried_again(host: Host, called: Called) -> None:
    host.sick = {"1"}
    assert "There is nothing before it to go back to." in deploy(called, host, "1")["msg"]
    host.sick = set()
    result = called(app_release, services=[service(host)])
    assert result["actions"] == ["restart unde-alpha.service with release 1: interrupted"]
    assert not called(app_release, services=[service(host)])["changed"]


def test_a_release_that_is_not_healthy_any_more_has_nothing_before_it(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    host.sick = {"1"}
    result = called(app_release, services=[service(host)], secrets={"alpha": {"api-key": "another"}})
    assert "There is nothing before it to go back to." in result["msg"]


def test_neither_comes_up(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    host.sick = {"1", "2"}
    assert "Back to 1, which does not come up either: not healthy within 1 s" in deploy(called, host, "2")["msg"]
    assert (host.root / "state/alpha/pending").exists()


def test_a_program_that_ends_again_and_again_is_not_waited_for(host: Host, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "active", lambda: Host.active(host, False, 3))
    host.archive()
    assert "alpha 1: it ended 3 times;" in called(app_release, services=[service(host, start_s=600)])["msg"]


@pytest.mark.parametrize(("members", "more", "words"), [
    (("bin/other",), {}, "alpha 1: the archive has no bin/standin"),
    (("bin/standin", "../outside"), {}, "alpha 1: the archive cannot be unpacked: '../outside' would be extracted"),
    (("bin/standin",), {"checksum": "f" * 64}, f", not {'f' * 64}"),
])  # fmt: skip
def test_an_archive_that_is_not_what_it_should_be(members: tuple[str, ...], more: dict[str, Any], words: str, host: Host, called: Called) -> None:
    host.archive(*members)
    result = called(app_release, services=[service(host, **more)])
    assert result["failed"]
    assert words in result["msg"]
    assert not list((host.root / "programs/alpha/releases").iterdir()), "nothing of it is there"
    assert not (host.root / "outside").exists()
    assert not host.did("systemctl restart")


def test_no_archive(host: Host, called: Called) -> None:
    assert f"alpha 1: there is no archive at {host.root}/alpha.tar" in called(app_release, services=[service(host)])["msg"]


def test_a_version_is_one_content(host: Host, called: Called) -> None:
    checksum = hashlib.sha256(host.archive().read_bytes()).hexdigest()
    assert not called(app_release, services=[service(host, checksum=checksum)]).get("failed")
    result = called(app_release, services=[service(host, checksum="f" * 64)])
    assert f"alpha 1 is here with another content (SHA-256 {checksum}): give what is new a new version" in result["msg"]


def test_an_image_needs_no_archive(host: Host, called: Called) -> None:
    assert not called(app_release, services=[service(host, archive=None)]).get("failed")
    assert (host.root / "programs/alpha/releases/1/run").exists()
    assert not (host.root / "settings/alpha/secrets").exists(), "it has none"


def test_one_that_fails_keeps_no_other_from_its_release(host: Host, called: Called) -> None:
    host.archive("bin/other")
    result = called(app_release, services=[service(host), service(host, name="beta", archive=None)])
    assert result["failed"]
    assert os.readlink(host.root / "programs/beta/current") == "releases/1"


def test_nothing_that_runs_is_restarted_without_leave(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    host.archive()
    before = len(host.did("systemctl restart"))
    result = called(app_release, services=[service(host, "2", name="alpha", run="exec 1\n")], may_restart=False)
    assert (result["changed"], result["pending"]) == (False, {"alpha": ["release", "version", "run"]})
    result = called(app_release, services=[], may_restart=False)
    assert (result["changed"], result["pending"]) == (False, {"alpha": ["removal"]})
    assert len(host.did("systemctl restart")) == before
    host.active(False)
    assert called(app_release, services=[service(host, "2")], may_restart=False)["changed"], "one that does not run is started"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_service_that_left_goes(check_mode: bool, host: Host, called: Called) -> None:
    deploy(called, host, "1")
    result = called(app_release, check_mode, services=[])
    assert result["actions"] == ["stop and remove alpha"]
    assert (host.tree() == {}) is not check_mode
    assert host.did("disable") == ([] if check_mode else ["systemctl disable --now unde-alpha.service"])


def test_a_new_secret_takes_no_restart_where_it_is_read_anew(host: Host, called: Called) -> None:
    host.archive()
    wanted = {"services": [service(host, rereads_secrets=True)]}
    called(app_release, **wanted, secrets={"alpha": {"api-key": "one-key", "old": "old-key"}})
    (host.root / "given/alpha").mkdir(parents=True)
    for name, value in (("api-key", "one-key"), ("old", "old-key")):
        (host.root / "given/alpha" / name).write_text(value)
    before = len(host.did("systemctl restart"))
    result = called(app_release, **wanted, secrets={"alpha": {"api-key": "another"}}, may_restart=False)
    assert result["actions"] == ["replace secret api-key, secret old of alpha without a restart"]
    assert (host.root / "settings/alpha/secrets/api-key").read_text() == "another"
    assert not (host.root / "settings/alpha/secrets/old").exists()
    assert host.did("hand-secrets") == ["/usr/local/lib/unde/app_service/hand-secrets alpha unde-alpha"]
    assert len(host.did("systemctl restart")) == before


def test_a_last_secret_that_left_goes(host: Host, called: Called) -> None:
    deploy(called, host, "1", secrets={"alpha": {"api-key": "one-key"}})
    assert called(app_release, services=[service(host)])["actions"] == ["restart unde-alpha.service with release 1: secret api-key"]
    assert not list((host.root / "settings/alpha/secrets").iterdir())


def test_what_a_killed_run_did_not_give_is_given(host: Host, called: Called) -> None:
    host.archive()
    wanted = {"services": [service(host, rereads_secrets=True)], "secrets": {"alpha": {"api-key": "one-key"}}}
    called(app_release, **wanted)
    assert called(app_release, **wanted)["actions"] == ["replace secret api-key of alpha without a restart"], "the service does not have it yet"


def test_a_new_secret_restarts_one_that_does_not_read_it_anew(host: Host, called: Called) -> None:
    deploy(called, host, "1", secrets={"alpha": {"api-key": "one-key"}})
    result = called(app_release, services=[service(host)], secrets={"alpha": {"api-key": "another"}})
    assert result["actions"] == ["restart unde-alpha.service with release 1: secret api-key"]


def test_what_must_not_reach_a_disk_does_not(host: Host, called: Called) -> None:
    host.programs.say("stat --file-system", "ext2/ext3\n")
    host.archive()
    result = called(app_release, services=[service(host)], memory_secrets={"alpha": {"master": "in-memory"}})
    assert result["msg"] == f"{host.root}/memory lies on ext2/ext3, not on tmpfs: a key that must never reach a disk has no place here"
    assert not list((host.root / "memory").iterdir())


def test_a_run_that_was_killed_is_made_good(host: Host, called: Called) -> None:
    deploy(called, host, "1")
    (host.root / "state/alpha/pending").touch()
    assert deploy(called, host, "1")["actions"] == ["restart unde-alpha.service with release 1: interrupted"]
    assert not deploy(called, host, "1")["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_rolled_back(check_mode: bool, host: Host, called: Called) -> None:
    deploy(called, host, "1", "2")
    result = called(app_release, check_mode, state="rolled_back", name="alpha")
    assert (result["left"], result["runs"]) == ("2", "1")
    assert result["actions"] == ["restart unde-alpha.service with release 1 in place of 2"]
    assert os.readlink(host.root / "programs/alpha/current") == f"releases/{'2' if check_mode else '1'}"
    if not check_mode:
        assert called(app_release, state="rolled_back", name="alpha")["runs"] == "2", "they change places"


def test_a_rollback_to_what_is_not_healthy_is_undone(host: Host, called: Called) -> None:
    deploy(called, host, "1", "2")
    host.sick = {"1"}
    result = called(app_release, state="rolled_back", name="alpha")
    assert result["failed"]
    assert "Rolled back: 2 runs again." in result["msg"]


def test_nothing_to_roll_back_to(host: Host, called: Called) -> None:
    assert called(app_release, state="rolled_back", name="gamma")["msg"] == "gamma: no release ran here before this one; here are: no services"
    deploy(called, host, "1")
    assert called(app_release, state="rolled_back", name="alpha")["msg"] == "alpha: no release ran here before this one; here are: alpha"
    deploy(called, host, "2")
    (host.root / "state/alpha/good.json").unlink()
    assert called(app_release, state="rolled_back", name="alpha")["failed"]


def test_what_is_required(host: Host, called: Called) -> None:
    assert "services" in called(app_release)["msg"]
    assert "name" in called(app_release, state="rolled_back")["msg"]


def test_health_is_asked_by_http() -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        port = server.server_port
        assert app_service.ask("127.0.0.1", port, "/health") == ""
        assert app_service.ask("127.0.0.1", port, "/sick") == f"http://127.0.0.1:{port}/sick answers 503"
    finally:
        server.shutdown()
        server.server_close()
    assert "refused" in app_service.ask("127.0.0.1", port, "/health")
