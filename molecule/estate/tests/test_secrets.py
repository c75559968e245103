"""No secret of the vault can be read where it should not be: logs, facts, process lists, world-readable files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import lab
import pytest
import yaml

VAULT, PASSWORD = lab.ROOT / ".lab/vault.yml", lab.ROOT / ".lab/vault-password"

#: Where the local system keeps other people's files, and what is not files.
NOT_SEARCHED = "-path /proc -o -path /sys -o -path /opt/unde -o -path /usr/share -o -path /usr/lib"

SEARCH = f"""
needles=$(mktemp -p /run needles.XXXXXX); cat > $needles; trap 'rm -f $needles' EXIT
find / \\( {NOT_SEARCHED} \\) -prune -o -type f -perm -o=r -size -64M -print0 2>/dev/null \\
  | xargs -0 -r grep -lFf $needles 2>/dev/null | sed 's/^/world-readable: /'
find /etc/ansible /root/.ansible -type f -print0 2>/dev/null | xargs -0 -r grep -lFf $needles 2>/dev/null | sed 's/^/facts: /'
for process in /proc/[0-9]*; do
  tr '\\0' ' ' < $process/cmdline 2>/dev/null | grep -qFf $needles && echo "process list: $process $(tr '\\0' ' ' < $process/cmdline | cut -c1-40)"
done
journalctl --no-pager -o cat 2>/dev/null | grep -cFf $needles | sed '/^0$/d; s/^/journal lines: /'
find /var/log -type f ! -path '*/journal/*' -print0 | xargs -0 -r grep -lFf $needles 2>/dev/null | sed 's/^/log: /'
true
"""


class Hidden(list[str]):
    """Secrets that a failing test does not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"


def leaves(value: Any) -> Iterator[str]:
    """Yield every secret."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield str(value)


@pytest.fixture(scope="module")
def secrets() -> Hidden:
    """Return every secret of the lab."""
    plain = subprocess.run(
        ["ansible-vault", "view", "--vault-password-file", str(PASSWORD), str(VAULT)], text=True, capture_output=True, check=True
    ).stdout
    return Hidden(leaves(yaml.safe_load(plain)))


def test_the_secrets_are_in_one_encrypted_file(secrets: Hidden) -> None:
    assert VAULT.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256")
    assert PASSWORD.stat().st_mode & 0o077 == 0 and VAULT.stat().st_mode & 0o007 == 0
    assert len(secrets) >= 20 and len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 32 for secret in secrets)


def test_no_secret_can_be_read_on_any_host(secrets: Hidden) -> None:
    found = lab.everywhere(lab.hosts(), lambda host: lab.run(host, SEARCH, stdin="\n".join(secrets) + "\n", timeout=300))
    found = {host: said for host, said in found.items() if said}
    assert not found, found


def test_the_search_would_find_one(secrets: Hidden) -> None:
    host = lab.hosts("redis")[0]
    lab.run(host, "umask 022; cat > /var/tmp/planted", stdin=secrets[0])
    try:
        assert "world-readable: /var/tmp/planted" in lab.run(host, SEARCH, stdin="\n".join(secrets) + "\n", timeout=300)
    finally:
        lab.run(host, "rm /var/tmp/planted")


def test_no_secret_is_in_the_logs_of_the_runs(secrets: Hidden) -> None:
    logs = [path for folder in (".lab", ".cache") for path in (lab.ROOT / folder).rglob("*") if path.is_file()]
    for path in logs:
        if path not in (VAULT, PASSWORD) and os.access(path, os.R_OK):
            text = path.read_bytes()
            assert not any(secret.encode() in text for secret in secrets), f"{path} holds a secret"
