"""The program by which Grafana's unit reloads: it asks until it is answered, and its mark is no younger than what was read."""

from __future__ import annotations

import urllib.error
from email.message import Message
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from support import ROOT

URL = "https://10.1.0.20:3000"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, which waits for nobody."""
    loader = SourceFileLoader("unde_grafana_reload", str(ROOT / "roles/grafana/files/unde-grafana-reload"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    loaded = module_from_spec(spec)
    loader.exec_module(loaded)
    monkeypatch.setattr(loaded.time, "sleep", lambda seconds: None)
    return loaded


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the password's file and the mark."""
    (tmp_path / "admin.password").write_text("secret")
    return str(tmp_path / "admin.password"), str(tmp_path / "read")


def test_the_mark_is_older_than_the_answer(program: ModuleType, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ask(url: str, password: str, authority: str) -> None:
        assert (url, password) == (URL, "secret")
        (tmp_path / "answered").touch()

    monkeypatch.setattr(program, "ask", ask)
    assert program.reload(URL, files[0], "ca.crt", files[1]) == ""
    assert Path(files[1]).stat().st_mtime <= (tmp_path / "answered").stat().st_mtime


def test_it_asks_again_while_grafana_starts(program: ModuleType, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ConnectionRefusedError("refused"), urllib.error.HTTPError(URL, 502, "Bad Gateway", Message(), None), None]

    def ask(*_: str) -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    monkeypatch.setattr(program, "ask", ask)
    assert program.reload(URL, files[0], "ca.crt", files[1]) == ""
    assert answers == []


@pytest.mark.parametrize("code", [401, 500])
def test_a_reload_that_failed_leaves_no_mark(code: int, program: ModuleType, files: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(*_: str) -> None:
        asked.append(1)
        raise urllib.error.HTTPError(URL, code, "no", Message(), None)

    monkeypatch.setattr(program, "ask", ask)
    why = program.reload(URL, files[0], "ca.crt", files[1])
    assert ("does not let its administrator in" in why) is (code == 401)
    assert len(asked) == (1 if code == 401 else program.ATTEMPTS)
    assert not Path(files[1]).exists()
