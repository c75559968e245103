"""What people and shells meet: help with examples, completion, colour where it belongs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import support
from unde.cli import app

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
ESCAPE = "\x1b["


def completed(words: str, *, shell: str = "bash", cwd: Path = support.ROOT) -> list[str]:
    """Return what the shell is offered for the last of some words."""
    count = str(len(words.split(" ")) - 1)
    command = Path(sys.executable).parent / "unde"
    done = support.run(command, cwd=cwd, _UNDE_COMPLETE=f"complete_{shell}", COMP_WORDS=words, COMP_CWORD=count, _TYPER_COMPLETE_ARGS=words)
    return done.stdout.split()


def on_a_terminal(*words: str, **environment: str) -> str:
    """Return what a command writes to a terminal."""
    reader, writer = os.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color", **environment}
    process = subprocess.Popen([sys.executable, "-m", "unde", *words], cwd=support.ROOT, stdout=writer, stderr=writer, env=variables)
    os.close(writer)
    said = b""
    try:
        while chunk := os.read(reader, 65536):
            said += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(reader)
    assert process.wait(30) == 0
    return said.decode()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_works(command: str) -> None:
    """The example is a call that the command understands."""
    helped = support.unde(command, "--help").stdout
    [line] = [line.strip() for line in helped.splitlines() if "Example:" in line]
    words = shlex.split(line.partition("unde ")[2].partition("|")[0].partition(">")[0])
    assert words[0] == command
    done = support.unde(*words, "--help")
    assert done.returncode == 0, done.stderr


def test_commands_stand_in_the_order_of_the_alphabet() -> None:
    """Where they are looked for."""
    assert sorted(COMMANDS) == COMMANDS


def test_completion_of_commands_and_sections() -> None:
    """Names of commands, and the values of an argument."""
    assert completed("unde su") == ["survive"]
    assert set(completed("unde ")) >= set(COMMANDS)
    assert set(completed("unde plan ")) >= {"hosts", "tunnels", "rollout"}


def test_completion_of_what_can_be_lost(tmp_path: Path) -> None:
    """From the layout at hand; where there is none, nothing, and no noise."""
    assert completed("unde survive --lose site:") == ["site:local", "site:helsinki", "site:witness"]
    assert "host:app-1" not in completed("unde survive --lose host:")
    assert "host:local-shard-0" in completed("unde survive --lose host:local")
    assert completed("unde survive --lose site:", cwd=tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_s_script(shell: str) -> None:
    """Every shell's script is written, and calls back."""
    script = support.run(Path(sys.executable).parent / "unde", _UNDE_COMPLETE=f"source_{shell}").stdout
    assert f"complete_{shell}" in script


def test_colour_on_a_terminal_only() -> None:
    """A terminal gets colour unless NO_COLOR asks for none; a pipe gets none."""
    assert ESCAPE in on_a_terminal("plan", "tunnels")
    plain = on_a_terminal("plan", "tunnels", NO_COLOR="1")
    assert "\x1b[3" not in plain.replace("\x1b[3m", "")  # italics are no colour
    assert ESCAPE not in support.unde("plan", "tunnels", NO_COLOR="").stdout


@pytest.mark.parametrize("words", ["plan hosts", "check", "survive --lose site:witness", "cost", "capacity --users 5000", "diff HEAD"])
def test_json_stands_alone_on_stdout(words: str) -> None:
    """One value, or one for each line."""
    said = support.unde(*words.split(), "--format", "json").stdout
    try:
        json.loads(said)
    except ValueError:
        assert [json.loads(line) for line in said.splitlines()]
