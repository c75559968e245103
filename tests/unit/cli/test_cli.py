"""The command ``unde`` as a user meets it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import support
import unde
from unde.plan import secrets
from unde.reports import listings

Said = Callable[..., tuple[str, str, int]]


@pytest.mark.parametrize("example", sorted((support.ROOT / "inventory" / "examples").glob("*.yml")), ids=lambda path: path.stem)
def test_examples(example: Path, said: Said) -> None:
    """Every example is accepted and has a plan; the one that holds the document as written is refused."""
    out, _, code = said("check", example)
    if example.stem == "as-written":
        assert code == 1
        return
    assert code == 0
    assert "ERROR" not in out
    estate = support.estate(file=example)
    assert set(unde.inventory(estate).hosts) == set(estate.hosts)
    assert all(rows(estate) is not None for rows in listings.LISTINGS.values())


SIXTEEN = """---
# yaml-language-server: $schema=../layout.schema.json
# The shipped estate grown to sixteen shards: only `shards.count` differs from inventory/layout.yml, which a test proves
# (`pytest tests/unit/cli/test_cli.py --update-golden` makes this file anew). Each shard brings its primary, its replica, its
# tunnel, its scope and stanza, its firewall rules and scrape targets:
#   unde plan hosts inventory/examples/sixteen-shards.yml
"""


def test_sixteen_shards_is_the_shipped_layout(update_golden: bool) -> None:
    """The example says what the shipped layout says, but for the count."""
    text = support.LAYOUT.read_text(encoding="utf-8")
    wanted = SIXTEEN + text[text.index("plugin:"):].replace("  count: 1\n", "  count: 16\n", 1)
    file = support.ROOT / "inventory" / "examples" / "sixteen-shards.yml"
    if update_golden:
        file.write_text(wanted, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == wanted


def test_sixteen_shards() -> None:
    """The example has sixteen shards, each with both members and a tunnel."""
    estate = support.estate(file=support.ROOT / "inventory" / "examples" / "sixteen-shards.yml")
    assert {host.shard for host in estate.by_role["postgres_shard"]} == set(range(16))
    assert sum(name.startswith("wg-shard") for name in estate.tunnels) == 16


def test_single_site() -> None:
    """The example has one site, no tunnel, and a quorum all the same."""
    estate = support.estate(file=support.ROOT / "inventory" / "examples" / "single-site.yml")
    assert (len(estate.layout.sites), len(estate.tunnels), len(estate.by_role["etcd"])) == (1, 0, 3)


@pytest.mark.parametrize("section", listings.LISTINGS)
def test_listings(section: str, said: Said) -> None:
    """Every listing is a table or JSON alone on stdout; every object has a name of its own."""
    out, err, code = said("plan", section, "--format", "json")
    rows = json.loads(out)
    names = [row["name"] for row in rows]
    assert (code, err) == (0, "")
    assert all(names)
    assert len(set(names)) == len(names)
    if section == "hosts":
        assert all({"name", "site", "address", "public_address", "roles", "groups", "day", "state"} <= row.keys() for row in rows)
        table, _, _ = said("plan", section)
        assert all(name in table for name in names)


def test_help_answers_without_reading_anything(tmp_path: Path) -> None:
    """``--help`` names the commands and reads no layout."""
    done = support.unde("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert all(re.search(rf"^\s+{command}\s", done.stdout, re.MULTILINE) for command in ("check", "map", "plan", "secrets"))


def test_overlay_and_assignments_from_the_environment(tmp_path: Path) -> None:
    """The environment says what the options say."""
    overlay = tmp_path / "overlay.yml"
    overlay.write_text("hosts: {local-etcd-1: {disk_gb: 33}}\n", encoding="utf-8")
    done = support.unde("plan", "--format", "json", UNDE_OVERLAY=str(overlay), UNDE_SET="shards.count=2")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["local-etcd-1"]["disk_gb"] == 33
    assert "local-shard-1" in rows


def test_a_closed_pipe_is_no_error() -> None:
    """Who reads only the first line gets it, and no complaint."""
    command = f"{sys.executable} -m unde plan hosts --format json | head -1"
    done = support.run("bash", "-c", f"set -o pipefail; {command}")
    assert (done.stdout, done.stderr, done.returncode) == ("[\n", "", 0)


def test_secrets_are_strong_and_all_different(said: Said) -> None:
    """Every secret is long, random, different from every other, and different in the next run."""
    one, other = (yaml.safe_load(said("secrets")[0]) for _ in range(2))
    assert one.keys() == other.keys() == {*secrets.PASSWORDS, secrets.MASTER_KEY, secrets.POSTHOG_SALT, *secrets.MAPPINGS}

    def values(made: dict[str, str | dict[str, str]]) -> list[str]:
        return [each for value in made.values() for each in ([value] if isinstance(value, str) else value.values())]

    everything = values(one) + values(other)
    assert len(set(everything)) == len(everything)
    assert all(len(value) >= 40 or value in (one[secrets.POSTHOG_SALT], other[secrets.POSTHOG_SALT]) for value in everything)
    assert all(len(set(value)) >= 10 for value in everything)
    assert re.fullmatch("[A-Za-z0-9]{32}", one[secrets.POSTHOG_SALT])
    assert re.fullmatch("[0-9a-f]{64}", one[secrets.MASTER_KEY])
    assert set(one[secrets.REDIS]) == set(secrets.redis_users(support.estate()))
    assert set(one[secrets.DATABASES]) == set(secrets.database_users(support.estate()))
    assert {"production-embed_batch", "production-pgbouncer", "staging-unde_monitor"} <= set(one[secrets.DATABASES])


def test_secrets_are_kept(tmp_path: Path, said: Said) -> None:
    """``--keep`` keeps what is given, of the estate or not, and makes only what is missing; from a file and from stdin."""
    known = {"vault_patroni_api_password": "kept", "vault_of_another_role": "kept too", secrets.REDIS: {"cache-mood": "mine"}}
    text = yaml.safe_dump(known)
    (tmp_path / "known.yml").write_text(text, encoding="utf-8")
    for out, _, _ in (said("secrets", "--keep", tmp_path / "known.yml"), said("secrets", "--keep", "-", stdin=text)):
        made = yaml.safe_load(out)
        assert {name: made[name] for name in known if name != secrets.REDIS} == {k: v for k, v in known.items() if k != secrets.REDIS}
        assert made[secrets.REDIS]["cache-mood"] == "mine"
        assert len(made[secrets.REDIS]["cache-catalog"]) == secrets.PASSWORD_LENGTH
        assert set(secrets.PASSWORDS) < made.keys()
        assert yaml.safe_load(said("secrets", "--keep", "-", stdin=out)[0]) == made


@pytest.mark.parametrize(
    "text",
    ["- a list\n", "hunter2-is-a-secret", "a: [hunter2", "vault_redis_passwords: hunter2\n", "vault_core_database_passwords: hunter2\n", "a: hunter2\n a: x\n"],
)
def test_bad_secrets_are_refused_without_being_shown(text: str, said: Said) -> None:
    """A file that holds no secrets is one readable line; nothing of it is repeated."""
    out, err, code = said("secrets", "--keep", "-", stdin=text)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "hunter2" not in err


def test_secrets_refuse_a_terminal() -> None:
    """Nothing is shown where it could be read over a shoulder."""
    primary, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "unde", "secrets"], cwd=support.ROOT, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(support.ROOT / "generator")},
        )
        os.close(terminal)
        assert done.returncode == 2
        assert "terminal" in done.stderr
        with pytest.raises(OSError, match="Input/output error"):  # nothing was written: the terminal's other end is simply gone
            os.read(primary, 1)
    finally:
        os.close(primary)
