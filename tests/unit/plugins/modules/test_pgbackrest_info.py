"""The module ``unde.infra.pgbackrest_info``: which changes of a configuration that is in use would lose backups."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import pgbackrest_info

Called = Callable[..., dict[str, Any]]
S3 = {"type": "s3", "path": "/pgbackrest", "endpoint": "store.example", "bucket": "backups"}
OF_BUCKET = "repo1-type=s3\nrepo1-path=/pgbackrest\nrepo1-s3-bucket=backups\nrepo1-s3-endpoint=store.example\n"
KEY = "the-key-of-the-repository"


@pytest.fixture
def host(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a host on which nothing is there."""
    programs.say("dpkg-query", "", code=1)
    return {
        "stanza": "shard0", "data_directory": "/data/17", "repository": {"type": "posix", "path": str(tmp_path / "repository")}, "cipher_pass": KEY,
        "configuration_file": str(tmp_path / "pgbackrest.conf"),
    }  # fmt: skip


def used(host: dict[str, Any], repository: str = "", stanza: str = "shard0", key: str = KEY) -> dict[str, Any]:
    """Write the configuration that is in use."""
    repository = repository or f"repo1-type=posix\nrepo1-path={host['repository']['path']}\n"
    text = f"# Written by Ansible\n[global]\n{repository}repo1-cipher-pass={key}\n[global:archive-push]\nx=1\n[{stanza}]\npg1-path=/data/17\npg1-port=5432\n"
    Path(host["configuration_file"]).write_text(text)
    return host


def with_backups(host: dict[str, Any], stanza: str = "shard0") -> dict[str, Any]:
    """Have backups in the directory."""
    there = Path(host["repository"]["path"]) / "backup" / stanza
    there.mkdir(parents=True)
    (there / "backup.info").touch()
    return host


def test_a_host_with_nothing(host: dict[str, Any], called: Called) -> None:
    result = called(pgbackrest_info, **host)
    assert {key: result[key] for key in ("changed", "installed", "new_repository", "refusals")} == {
        "changed": False, "installed": False, "new_repository": True, "refusals": [],
    }  # fmt: skip


def test_a_host_that_is_as_wanted(host: dict[str, Any], programs: Any, called: Called) -> None:
    programs.say("dpkg-query", "pgbackrest\tinstalled\t2.54.2\n")
    result = called(pgbackrest_info, **with_backups(used(host)))
    assert (result["installed"], result["new_repository"], result["refusals"]) == (True, False, [])
    result = called(pgbackrest_info, **used(host | {"repository": S3}, OF_BUCKET))
    assert (result["new_repository"], result["refusals"]) == (False, [])


def refusals(called: Called, host: dict[str, Any], **wanted: Any) -> list[str]:
    """Return what is refused; that does not say the key."""
    result = called(pgbackrest_info, **(host | wanted))
    assert KEY not in json.dumps(result)
    return list(result["refusals"])


def test_a_directory_with_backups_is_not_left_behind(host: dict[str, Any], called: Called) -> None:
    path = host["repository"]["path"]
    [refusal] = refusals(called, with_backups(used(host)), repository=S3)
    assert refusal.startswith(f"{path} holds the backups of shard0. Until the new repository has one, nothing could be restored to a moment in between")
    assert "name it in pgbackrest_former_path" in refusal
    assert refusals(called, host, repository={"type": "posix", "path": "/other"}) == [refusal]
    assert refusals(called, host, repository=S3, former_path=path) == []
    assert called(pgbackrest_info, **(host | {"repository": S3, "former_path": path}))["new_repository"]


def test_a_path_within_a_bucket_is_no_directory(host: dict[str, Any], called: Called) -> None:
    path = with_backups(host)["repository"]["path"]
    bucket = OF_BUCKET.replace("/pgbackrest", path)
    assert refusals(called, used(host, bucket), repository=S3 | {"path": path}, former_path="/other") == []


def test_one_without_backups_is(host: dict[str, Any], called: Called) -> None:
    assert refusals(called, used(host), repository=S3) == []


@pytest.mark.parametrize(("wanted", "words"), [
    ({"stanza": "another"}, "the backups and the WAL are under shard0, pgbackrest_stanza is another, under which there are none: keep the name;"),
    ({"data_directory": "/data/18"}, "the server that archives runs in /data/17, pgbackrest_data_directory is /data/18 (docs/operate.md, Another major"),
    ({"cipher_pass": "another-key"}, "the vault has another key than the one that the repository is encrypted with"),
    ({"repository": S3 | {"bucket": "another"}}, "(store.example backups /pgbackrest), pgbackrest_repo names another place (store.example another"),
    ({"repository": S3 | {"endpoint": "another"}}, "names another place (another backups /pgbackrest)"),
    ({"repository": S3 | {"path": "/another"}}, "names another place (store.example backups /another)"),
    ({"repository": {"type": "posix", "path": "/pgbackrest"}}, "names another place (the directory /pgbackrest)"),
])  # fmt: skip
def test_what_no_run_changes(wanted: dict[str, Any], words: str, host: dict[str, Any], called: Called) -> None:
    [refusal] = refusals(called, used(host | {"repository": S3}, OF_BUCKET), **wanted)
    assert words in refusal


def test_all_of_it_is_said_at_once(host: dict[str, Any], called: Called) -> None:
    assert len(refusals(called, used(host | {"repository": S3}, OF_BUCKET), stanza="another", data_directory="/data/18", cipher_pass="x-another")) == 3
