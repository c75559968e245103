"""The collection's own code, imported by its full name as on a host, and what stands in the place of a host's programs."""

from __future__ import annotations

import grp
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import object_store
import pytest
import redis_servers
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args

object_store.install()


class Programs:
    """Answers in the place of programs: what a command line, or what stands on its standard input, contains → exit code, output, complaints.

    The first that fits answers.
    """

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.answers: list[tuple[str, Any]] = []
        self.asked: list[str] = []
        #: How each was run beside that: its umask, its directory.
        self.ways: list[dict[str, Any]] = []

    def say(self, words: str, output: object = "", code: int = 0, complaint: str = "") -> None:
        """Answer a command line with these words; what was said of them before is forgotten."""
        text = output if isinstance(output, str) else json.dumps(output)
        self.answers = [(words, (code, text, complaint)), *(each for each in self.answers if each[0] != words)]

    def run(self, words: list[str], data: str | None = None, **way: Any) -> tuple[int, str, str]:
        """Run a program."""
        line = " ".join([*words, *(["<", data] if data else [])])
        self.asked.append(line)
        self.ways.append(way)
        return next((answer for fitting, answer in self.answers if fitting in line), (127, "", f"{words[0]}: no answer for {line}"))


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Stand in the place of all programs that a module runs."""
    stand_in = Programs()
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, words, **more: stand_in.run(words, **more))
    return stand_in


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a module's main: parameters → what it returned, ``failed`` among it."""

    def call(module: ModuleType, check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
        capsys.readouterr()
        # What a module warned of is kept for the process, which is one module's on a host and all tests' here.
        warnings._global_warnings.clear()
        with patch_module_args({**parameters, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            module.main()
        return dict(json.load(io.StringIO(capsys.readouterr().out)))

    return call


@pytest.fixture
def issued(tmp_path: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters of a host with a good certificate of an authority beside it, both made by the modules with this machine's openssl."""
    from ansible_collections.unde.infra.plugins.module_utils import certificates
    from ansible_collections.unde.infra.plugins.modules import certificate_authority, certificate_request, certificate_sign

    monkeypatch.setattr(certificates, "OWNER", os.getuid())
    tls, group = tmp_path / "tls", grp.getgrgid(os.getgid()).gr_name
    tls.mkdir()
    subject = {"common_name": "app-1", "names": ["app-1", "10.1.0.9"]}
    called(certificate_authority, directory=str(tmp_path / "ca"))
    request = called(certificate_request, directory=str(tls), group=group, common_name="app-1")["request"]
    signed = called(certificate_sign, directory=str(tmp_path / "ca"), request=request, **subject)
    (tls / "host.crt").write_text(signed["certificate"])
    (tls / "ca.crt").write_text(signed["authority_certificate"])
    return {"directory": str(tls), "group": group, **subject}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> object_store.Store:
    """Return the store that modules for object storage reach."""
    made = object_store.Store()
    monkeypatch.setattr(sys.modules["botocore.session"], "get_session", lambda: made)
    return made


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> redis_servers.Library:
    """Return the library behind which the servers are that modules for Redis reach; a test that waits takes no time."""
    made, seconds = redis_servers.Library(), iter(range(10000))
    monkeypatch.setitem(sys.modules, "redis", made)  # type: ignore[arg-type]
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return made
