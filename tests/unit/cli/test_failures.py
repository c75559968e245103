"""What the command says where it cannot do what it is told: one readable line and the contract's exit code, never a traceback."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from unde.cli import app, capacity, files

Said = Callable[..., tuple[str, str, int]]
COMMANDS = {
    "capacity": "capacity --users 5000", "check": "check", "cost": "cost", "diff": "diff inventory/layout.yml",
    "drill": "drill report", "grow": "grow --shards 2",
    "map": "map -o {folder}/map.html", "matrix": "matrix", "plan": "plan", "routeros": "routeros", "secrets": "secrets", "survive": "survive",
}
UNDE = [sys.executable, "-m", "unde"]


def called(words: str, folder: Path, *, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command with what a shell does to its streams."""
    variables = {**os.environ, "PYTHONPATH": str(support.ROOT / "generator"), "NO_COLOR": "1", "COLUMNS": "200", **environment}
    line = f"{sys.executable} -m unde {words.format(folder=folder)} {shell}"
    return subprocess.run(["bash", "-c", line], cwd=support.ROOT, env=variables, capture_output=True, check=False, timeout=120)


def test_every_command_is_here() -> None:
    """None is left out below."""
    assert {command.name or command.callback.__name__ for command in app.registered_commands if command.callback} == set(COMMANDS)


@pytest.mark.parametrize("command", ["plan", "grow", "matrix", "secrets", "routeros"])
def test_a_full_disk(command: str, tmp_path: Path) -> None:
    """Nothing of the output got there: exit code 2, one line."""
    done = called(COMMANDS[command], tmp_path, shell=">/dev/full")
    said = done.stderr.decode()
    assert done.returncode == 2, said
    assert said.splitlines()[-1] == "ERROR standard output: cannot be written: No space left on device"
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize("command", ["plan", "matrix", "secrets", "routeros"])
def test_a_closed_pipe(command: str, tmp_path: Path) -> None:
    """Who reads has seen enough: that is no error."""
    done = called(COMMANDS[command], tmp_path, shell="| true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, b"Traceback" in done.stderr, b"Exception ignored" in done.stderr) == (0, False, False), done.stderr


@pytest.mark.parametrize(
    ("command", "encoding"), [(name, "latin-1") for name in ("check", "cost", "grow", "map", "plan", "survive")] + [("check", "ascii"), ("check", "cp1251")],
)
def test_a_terminal_of_an_old_encoding(command: str, encoding: str, tmp_path: Path) -> None:
    """What it lacks is written another way, in tables and messages."""
    wanted = called(COMMANDS[command], tmp_path)
    done = called(COMMANDS[command], tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == wanted.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    text = done.stdout.decode(encoding)
    assert len(text.splitlines()) == len(wanted.stdout.decode().splitlines())
    assert "\\u20" not in text, "our own marks have plain ones"


@pytest.mark.parametrize("command", ["plan flows", "check"])
def test_json_in_an_old_encoding_is_the_same_json(command: str, tmp_path: Path) -> None:
    """Its escapes say what the encoding lacks."""
    wanted, done = (called(f"{command} --format json", tmp_path, **extra) for extra in ({}, {"PYTHONIOENCODING": "ascii"}))
    assert json.loads(done.stdout) == json.loads(wanted.stdout)


def test_c_locale(tmp_path: Path) -> None:
    """A machine without a locale."""
    done = called("check", tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_closed_streams(tmp_path: Path) -> None:
    """Without standard output nothing can be said; messages never come among the JSON."""
    done = called("check", tmp_path, shell=">&-")
    assert (done.returncode, done.stderr) == (2, b"ERROR standard output is closed: nothing can be said\n")
    done = called("check --format json", tmp_path, shell="2>&-")
    assert done.returncode == 0
    json.loads(done.stdout)


@pytest.mark.parametrize(
    "words", [["check", ""], ["check", " "], ["diff", ""], ["diff", "HEAD", ""], ["check", "--overlay", ""], ["map", "-o", ""], ["plan", "hosts", ""]],
)
def test_an_empty_name_stands_for_nothing(words: list[str], said: Said) -> None:
    """A variable of the shell that is not set is no layout, no overlay, no revision."""
    out, err, code = said(*words)
    assert (out, code) == ("", 2)
    assert re.fullmatch(r"ERROR \S+ is empty: name a file, or leave it out\n", err)


@pytest.mark.parametrize("side", ["HEAD:", ":", "--output=x", "-x", "no-such-revision", "HEAD:no/such/file.yml", "HEAD..HEAD", "HEAD:inventory"])
def test_what_is_no_side_of_a_difference(side: str, said: Said) -> None:
    """Neither a file nor a revision with a layout; git takes none of it for an option."""
    out, err, code = said("diff", "--", side, "inventory/layout.yml")
    assert (out, code) == ("", 2)
    assert err.startswith("ERROR ")
    assert len(err.splitlines()) == 1


def git(folder: Path, *words: str) -> None:
    """Run git in a folder, as somebody."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [("# Größe\nplugin: x\n".encode("latin-1"), "HEAD:1: cannot be read: not UTF-8 text"), (b"\0\0", "not valid YAML"), (b"", "a layout is a mapping"),
     (bytes(range(256)), "cannot be read: not UTF-8 text")],
    ids=["latin-1", "nul", "empty", "binary"],
)
def test_a_committed_file_that_is_no_layout(content: bytes, why: str, tmp_path: Path, said: Said) -> None:
    """The revision is named, as a file would be."""
    (tmp_path / "inventory").mkdir()
    file = tmp_path / "inventory" / "layout.yml"
    file.write_bytes(content)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    file.write_bytes(support.LAYOUT.read_bytes())
    out, err, code = said("diff", "HEAD", "--roles", support.ROOT / "roles", cwd=tmp_path)
    assert (out, code) == ("", 2)
    assert why in err
    assert "HEAD" in err
    assert len(err.splitlines()) == 1


def test_a_pipe_is_a_side(tmp_path: Path) -> None:
    """As ``diff <(git show …) layout.yml``."""
    done = called("diff <(cat inventory/layout.yml) inventory/layout.yml", tmp_path)
    assert (done.returncode, done.stdout) == (0, b"nothing differs\n"), done.stderr


UNREADABLE = {
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "comments": lambda path: path.write_bytes(b"# one\n# two\n"),
    "a list": lambda path: path.write_bytes(b"- a\n"),
    "nul": lambda path: path.write_bytes(b"plugin: \0\n"),
    "latin-1": lambda path: path.write_bytes(b"plugin: \xfc\n"),
    "utf-16": lambda path: path.write_bytes("plugin: x\n".encode("utf-16")),
    "deep": lambda path: path.write_bytes(b"a: " + b"[" * 10_000 + b"]" * 10_000),
    "a bomb": lambda path: path.write_bytes(b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9) if n else b"x") for n in range(12))),
    "a loop": lambda path: path.write_bytes(b"a: &a {b: *a}\n"),
    "a huge number": lambda path: path.write_bytes(b"a: " + b"9" * 5000 + b"\n"),
    "a loop of links": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("no-such-file"),
    "a socket's device": lambda path: path.symlink_to("/dev/null"),
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_layout(command: str, what: str, tmp_path: Path, said: Said) -> None:
    """Every command says one line and ends with 2."""
    UNREADABLE[what](tmp_path / "layout.yml")
    words = COMMANDS[command].format(folder=tmp_path).split()
    if command == "diff":
        words = ["diff", str(tmp_path / "layout.yml")]
    out, err, code = said(*words, *(["hosts"] if command == "plan" else []), tmp_path / "layout.yml")
    assert (out, code) == ("", 2), err
    assert err.startswith("ERROR ")
    assert len(err.splitlines()) == 1
    assert str(tmp_path / "layout.yml") in err


def test_a_named_pipe(tmp_path: Path, said: Said) -> None:
    """Is read as any program reads one."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(support.LAYOUT.read_bytes(),))
    writer.start()
    _, err, code = said("check", tmp_path / "pipe")
    writer.join()
    assert code == 0, err


def test_a_byte_order_mark_is_no_part_of_a_layout(tmp_path: Path, said: Said) -> None:
    """Some editors write one."""
    file = tmp_path / "layout.yml"
    file.write_bytes(b"\xef\xbb\xbf" + support.LAYOUT.read_bytes())
    assert said("check", file)[2] == 0


@pytest.mark.parametrize("day", ["9999-12-31", "9899-01-01", "0001-01-01", "2027-02-29", "x"])
def test_days_at_the_edge_of_the_calendar(day: str, said: Said) -> None:
    """A century from there on is counted, or refused."""
    _, err, code = said("capacity", "--users", "5000", "--from", day)
    assert code == (0 if day == "0001-01-01" else 2), err
    assert err or day == "0001-01-01"


@pytest.mark.parametrize("users", ["1", str(capacity.__globals__["MOST_USERS"]), "1" + "0" * 400, "-1", "0"])
def test_numbers_of_users(users: str, said: Said) -> None:
    """However many."""
    _, _, code = said("capacity", "--users", users)
    assert code == {1: 0, 11: 1}.get(len(users) if users != "0" else 0, 2)


@pytest.mark.parametrize("lost", ["", ":", ":::", "host:", "link:a", "link:local:", "site", "tunnel:x", "host:local-app:x"])
def test_what_cannot_be_lost(lost: str, said: Said) -> None:
    """One line says so."""
    out, err, code = said("survive", "--lose", lost)
    assert (out, code, len(err.splitlines())) == ("", 2, 1)


@pytest.mark.parametrize("key", ["", "=", "wg-app", "wg-app=", "wg-app=é", "wg-app=AAAA", "x=AAAA"])
def test_what_is_no_key(key: str, said: Said) -> None:
    """One line says so."""
    out, err, code = said("routeros", "--key", key)
    assert (out, code, len(err.splitlines())) == ("", 2, 1)


@pytest.mark.parametrize("seen", [b"", b"[]", b"[" * 100_000, b"\xff", b"{}x", b'{"a": 1}', b'{"a": {"b": 1}}', b"null"])
def test_what_was_not_seen(seen: bytes, tmp_path: Path, said: Said) -> None:
    """A record of something else is refused."""
    (tmp_path / "seen.json").write_bytes(seen)
    out, err, code = said("matrix", "--observed", tmp_path / "seen.json")
    assert (out, code, len(err.splitlines())) == ("", 2, 1)


@pytest.mark.parametrize("place", ["no-such-folder/map.html", "file/map.html", ".", "x" * 300])
def test_a_page_that_cannot_be_written(place: str, tmp_path: Path, said: Said) -> None:
    """The file is named, and nothing is left behind."""
    (tmp_path / "file").touch()
    _, err, code = said("map", "-o", tmp_path / place)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "cannot be written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "assignment", [f"links.local-helsinki.rtt_ms=1{'0' * 300}.0", "services.grafana.ports=[]", "services.prometheus.ports=[]",
                   "services.node-exporter.ports=[]", "hosts.push.vcpu=4611686018427387904", "costs.usd_per_eur=0.0000000000001"],
)
@pytest.mark.parametrize("command", ["check", "plan", "diff inventory/layout.yml", "capacity --users 5000", "cost"])
def test_what_nothing_can_be_derived_from(command: str, assignment: str, said: Said) -> None:
    """Is refused by ``check``, and by every other command."""
    out, err, code = said(*command.split(), "--set", assignment)
    assert code == (2 if command.startswith("diff") else 1)
    assert "ERROR s" in out + err


# ── grow --write ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def grown(folder: Path, content: bytes | None = None) -> Path:
    """Return a layout of one's own that is to grow."""
    file = folder / "layout.yml"
    file.write_bytes(content or support.LAYOUT.read_bytes())
    return file


def test_only_the_digits_change(tmp_path: Path, said: Said) -> None:
    """Line endings, a byte order mark, comments, and a file without a last line's end stay."""
    for change in (lambda raw: raw, lambda raw: raw.replace(b"\n", b"\r\n"), lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.rstrip(b"\n"),
                   lambda raw: "# ü 🏠 \u2028\n".encode() + raw.replace(b"  count: 1\n", b"  count:   1   # one\n")):
        raw = change(support.LAYOUT.read_bytes())
        file = grown(tmp_path, raw)
        _, err, code = said("grow", "--shards", "12", "--write", file)
        assert code == 0, err
        after = file.read_bytes()
        assert after == re.sub(rb"(\r?\n  count: +)1\b", rb"\g<1>12", raw, count=1)
        assert after != raw


def test_links_owner_mode_and_attributes_stay(tmp_path: Path, said: Said) -> None:
    """The link leads to the same file, which is whose it was."""
    (tmp_path / "real").mkdir()
    file, link, second = grown(tmp_path / "real"), tmp_path / "link.yml", tmp_path / "second.yml"
    link.symlink_to("real/layout.yml")
    second.symlink_to(link)
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 23456)
    kept = "user.kept"
    try:
        os.setxattr(file, kept, b"yes")
    except OSError:  # the file system has none
        kept = ""
    before = file.stat()
    _, err, code = said("grow", "--shards", "2", "--write", second)
    assert code == 0, err
    assert (second.is_symlink(), link.is_symlink(), os.readlink(link)) == (True, True, "real/layout.yml")
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert not kept or os.getxattr(file, kept) == b"yes"
    assert b"  count: 2\n" in file.read_bytes()
    assert [path.name for path in file.parent.iterdir()] == ["layout.yml"]


@pytest.mark.parametrize("broken", ["mkstemp", "write", "fsync", "replace"])
def test_a_layout_that_cannot_be_written(broken: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that is read-only, on a full disk: one line, exit code 2, and the old file whole."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    file = grown(tmp_path)
    if broken == "mkstemp":
        monkeypatch.setattr(tempfile, "mkstemp", fail)
    elif broken == "write":
        monkeypatch.setattr(files, "_as", fail)
    else:
        monkeypatch.setattr(os, broken, fail)
    _, err, code = said("grow", "--shards", "2", "--write", file)
    assert (code, err.splitlines()) == (2, [f"ERROR {file}: cannot be written: Read-only file system"])
    assert file.read_bytes() == support.LAYOUT.read_bytes()
    assert list(tmp_path.iterdir()) == [file]


def test_another_s_file_is_not_made_one_s_own(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its owner cannot be kept, it is not written."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    file = grown(tmp_path)
    real = os.fstat
    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result([*real(handle)[:4], 4321, *real(handle)[5:10]]))
    _, err, code = said("grow", "--shards", "2", "--write", file)
    assert code == 2
    assert "of its owner" in err
    assert file.read_bytes() == support.LAYOUT.read_bytes()


def test_what_is_not_to_be_replaced(tmp_path: Path, said: Said) -> None:
    """A file with two names would lose one; a pipe holds nothing to change."""
    file = grown(tmp_path)
    os.link(file, tmp_path / "other.yml")
    _, err, code = said("grow", "--shards", "2", "--write", file)
    assert (code, "hard links" in err) == (2, True)
    done = called("grow --shards 2 --write <(cat inventory/layout.yml)", tmp_path)
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)
    assert stat.S_ISREG(file.stat().st_mode)


@pytest.mark.parametrize(
    ("old", "new"),
    [("  count: 1\n", "  count: &one 1\n  partitions: *one\n"), ("shards:\n", "shards:\n  <<: {count: 1}\n")],
    ids=["an anchor", "a merge"],
)
def test_a_number_that_is_not_the_shards_own(old: str, new: str, tmp_path: Path, said: Said) -> None:
    """It is to be written by hand."""
    text = support.LAYOUT.read_text(encoding="utf-8").replace(old, new, 1).replace("  partitions: 64\n", "", 1)
    if "<<" in new:
        text = text.replace("  count: 1\n", "  partitions: 64\n", 1)
    file = grown(tmp_path, text.encode())
    _, err, code = said("grow", "--shards", "2", "--write", file)
    assert (code, "by hand" in err) == (2, True), err
    assert file.read_bytes() == text.encode()


def test_a_mistake_of_ours_is_one_line_too(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how to see more of it."""

    def broken(*_: object) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr("unde.checks.run", broken)
    out, err, code = said("check")
    assert (out, code, len(err.splitlines())) == ("", 2, 1)
    assert "UNDE_TRACEBACK=1" in err
    monkeypatch.setenv("UNDE_TRACEBACK", "1")
    with pytest.raises(KeyError):
        said("check")
