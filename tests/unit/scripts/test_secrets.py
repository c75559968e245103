"""``scripts/secrets``: one encrypted file, of ansible-vault or of SOPS; a failure leaves it as it was, and nothing of it in the clear.

SOPS itself is not part of the project: a program of its name seals and opens here, so that what is proved of it is only how it is called.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

import support

SOPS = """#!/bin/sh
# decrypt … FILE | encrypt … /dev/stdin: base64 as the value of a key, so that it is YAML and nothing is there in the clear.
verb=$1
if [ "$1" = --version ]; then echo "sops 3.9.4"; exit; fi
while [ $# -gt 1 ]; do shift; done
case $verb in
  encrypt) if [ -e "$0.broken" ]; then exit 7; fi; echo "sealed: $(base64 --wrap=0 "$1")" ;;
  *decrypt) sed 's/^sealed: //' "$1" | base64 --decode ;;
esac
"""


@pytest.fixture(params=["vault.yml", "vault.sops.yml"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return where a file of secrets is to be."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sops").write_text(SOPS, encoding="utf-8")
    (tmp_path / "bin" / "sops").chmod(0o755)
    return tmp_path / "there" / str(request.param)


def script(vault: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script on a file."""
    program = vault.parents[1] / "bin"
    return subprocess.run(
        [str(support.ROOT / "scripts" / "secrets"), *arguments, str(vault), str(vault.with_name("password"))],
        input=stdin, text=True, capture_output=True, check=False, env={**os.environ, "PATH": f"{program}:{os.environ['PATH']}"},
    )


def opened(vault: Path) -> dict[str, object]:
    """Return the secrets of a file."""
    command = ["ansible-vault", "view", "--vault-password-file", str(vault.with_name("password")), str(vault)]
    if vault.name.endswith(".sops.yml"):
        command = [str(vault.parents[1] / "bin" / "sops"), "decrypt", str(vault)]
    return dict(yaml.safe_load(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def test_made_rotated_forgotten(vault: Path) -> None:
    """In one file, which is nobody else's; no value is printed, and the password file is ansible-vault's alone."""
    assert script(vault).returncode == 0
    made = opened(vault)
    assert vault.stat().st_mode & 0o077 == 0
    assert str(made["vault_patroni_api_password"]) not in vault.read_text(encoding="utf-8")
    assert vault.with_name("password").exists() != vault.name.endswith(".sops.yml")

    done = script(vault, "--rotate", "vault_patroni_api_password")
    assert done.returncode == 0, done.stderr
    rotated = opened(vault)
    assert rotated["vault_former"] == {"vault_patroni_api_password": made["vault_patroni_api_password"]}
    assert "has all that the layout needs" in script(vault).stdout, "making what is missing leaves it alone"

    for name in ("vault_alertmanager_telegram_token", "vault_app_service_given_secrets/api-key", "vault_object_storage_keys/s3-media-access-key"):
        done = script(vault, "--rotate", name, stdin="1000:given-by-others\n")
        assert done.returncode == 0, done.stderr
        variable, _, entry = name.partition("/")
        assert (opened(vault)[variable][entry] if entry else opened(vault)[variable]) == "1000:given-by-others"
        assert "given-by-others" not in done.stdout + done.stderr

    assert script(vault, "--forget", "vault_patroni_api_password").returncode == 0
    assert "vault_former" not in opened(vault)
    assert opened(vault)["vault_patroni_api_password"] == rotated["vault_patroni_api_password"]


@pytest.mark.parametrize("wrong", ["refused", "sealing"])
def test_a_failure_leaves_the_file_as_it_was(wrong: str, vault: Path) -> None:
    """Whether nothing is to be changed, or what is changed cannot be sealed."""
    assert script(vault).returncode == 0
    before = vault.read_bytes()
    if wrong == "sealing":
        (vault.parents[1] / "bin" / "sops.broken").touch()
        # ansible-vault has no such switch: it finds no password.
        if not vault.name.endswith(".sops.yml"):
            vault.with_name("password").write_text("another\n", encoding="utf-8")
    done = script(vault, "--rotate", "vault_pgbackrest_cipher_pass" if wrong == "refused" else "vault_patroni_api_password")
    assert done.returncode != 0
    assert vault.read_bytes() == before
    assert {each.name for each in vault.parent.iterdir()} <= {vault.name, "password"}


def test_ansible_reads_a_file_of_sops(tmp_path: Path) -> None:
    """By the vars plugin, set as docs/operate.md says; the program is a stand-in."""
    there = tmp_path / "inventory" / "group_vars" / "all"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sops").write_text(SOPS, encoding="utf-8")
    (tmp_path / "bin" / "sops").chmod(0o755)
    vault = there / "vault.sops.yml"
    there.mkdir(parents=True)
    done = subprocess.run(
        [str(tmp_path / "bin" / "sops"), "encrypt", "/dev/stdin"], input="vault_former: {vault_x: of-sops}\n", text=True, capture_output=True, check=True
    )
    vault.write_text(done.stdout, encoding="utf-8")
    (tmp_path / "inventory" / "hosts").write_text("one ansible_connection=local\n", encoding="utf-8")
    setting = (support.ROOT / "docs" / "operate.md").read_text(encoding="utf-8").split("```ini\n")[1].split("```")[0]
    (tmp_path / "ansible.cfg").write_text(setting, encoding="utf-8")
    done = subprocess.run(
        ["ansible", "-i", str(tmp_path / "inventory" / "hosts"), "one", "-m", "ansible.builtin.debug", "-a", "msg={{ vault_former.vault_x }}"],
        cwd=tmp_path, text=True, capture_output=True, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
    )
    assert "of-sops" in done.stdout, done.stdout + done.stderr
