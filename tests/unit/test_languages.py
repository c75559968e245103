"""Programs on hosts whose users, or whose PostgreSQL, speak another language than English."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import ROOT

#: A virsh as libvirt has it: what a domain does, and whether it starts by itself, is said in the caller's language.
VIRSH = """#!/bin/sh
shift 3
german=no
case "${LC_ALL:-$LANG}" in de_*|ru_*) german=yes ;; C) ;; *) [ -z "$LANGUAGE" ] || german=yes ;; esac
case "$1" in
  domstate) [ $german = yes ] && echo laufend || echo running ;;
  dominfo) [ $german = yes ] && echo 'Automatischer Start: Aktivieren' || echo 'Autostart:      enable' ;;
  desc) cat "$DESCRIPTION" ;;
  *) echo "$@" >> "$CALLED" ;;
esac
"""


def module(path: str, name: str) -> ModuleType:
    """Load a program of a role as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "roles" / path)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    sys.modules[name] = loaded  # dataclasses look their module up
    found.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize(
    "speaks", [{"LC_ALL": "de_DE.UTF-8"}, {"LANG": "ru_RU.UTF-8"}, {"LANG": "C.UTF-8", "LANGUAGE": "de"}], ids=["LC_ALL", "LANG", "LANGUAGE"]
)
def test_a_guest_that_runs_is_left_running_whatever_the_language(speaks: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    guests = module("mikrotik_chr/files/guests.py", "chr_guests")
    virsh, called, description = tmp_path / "virsh", tmp_path / "called", tmp_path / "description"
    virsh.write_text(VIRSH)
    virsh.chmod(0o755)
    description.write_text(guests.hashlib.sha256(b"<domain/>").hexdigest() + "\n")
    for name in ("LC_ALL", "LANG", "LANGUAGE", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    its = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLED": str(called), "DESCRIPTION": str(description)}
    monkeypatch.setattr(os, "environ", os.environ.copy() | speaks | its)
    real = subprocess.run
    monkeypatch.setattr(guests.subprocess, "run", lambda *given, **more: real(*given, **more, env=dict(os.environ)))
    monkeypatch.setattr(guests.os.path, "exists", lambda path: True)

    guests.main(json.dumps({"check": False, "may_restart": False, "guests": {"chr-a": "<domain/>"}}))

    assert json.loads(capsys.readouterr().out) == {"changed": False, "done": [], "waiting": []}
    assert not called.exists()
