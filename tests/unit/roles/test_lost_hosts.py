"""What a role does without a host that does not answer: it keeps what it knows of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

import support

MENU = {"path": "interface wireguard peers", "ours": {"field": "comment"}, "data": [{"interface": "wg-a"}, {"interface": "wg-b"}, {"interface": "wg-c"}]}


def variables_of(tmp_path: Path, role: str, variable: str, given: dict[str, Any]) -> Any:
    """Return an internal variable of a role as a host would see it."""
    tasks = [
        {"name": "Load", "ansible.builtin.include_vars": {"file": str(support.ROOT / "roles" / role / "vars/main.yml")}},
        {"name": "Say", "ansible.builtin.copy": {"content": f"{{{{ {variable} | to_json }}}}", "dest": str(tmp_path / "said"), "mode": "0600"}},
    ]
    play = {"name": "A host", "hosts": "localhost", "connection": "local", "gather_facts": False, "vars": given, "tasks": tasks}
    file = tmp_path / "play.yml"
    file.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    done = subprocess.run(["ansible-playbook", "-i", "localhost,", str(file)], cwd=support.ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((tmp_path / "said").read_text(encoding="utf-8"))


def test_a_router_keeps_the_peer_whose_host_does_not_answer(tmp_path: Path) -> None:
    """Its menu is written whole: a peer that is not in it would be removed."""
    given = {
        "mikrotik_chr_menus": [MENU], "mikrotik_chr_active": "a", "__mikrotik_chr_router": {"name": "a"},
        "wireguard_keys_far": {"wg-a": "learned"},
        "__mikrotik_chr_found": {"peer_keys": {"wg-a": "former", "wg-b": "known"}},
    }
    menus = variables_of(tmp_path, "mikrotik_chr", "__mikrotik_chr_menus", given)
    assert menus[0]["data"] == [{"interface": "wg-a", "public-key": "learned"}, {"interface": "wg-b", "public-key": "known"}]


def test_a_gateway_keeps_the_peer_whose_host_does_not_answer(tmp_path: Path) -> None:
    """The last resort is the key in its own configuration."""
    given = {
        "wireguard_peer_tunnels": [{"interface": "wg-a"}, {"interface": "wg-b"}, {"interface": "wg-c"}], "wireguard_keys_far": {"wg-a": "learned"},
        "__wireguard_peer_found": {"owned": [], "public_keys": [], "refusals": [], "peers": {"wg-a": "former", "wg-b": "known"}},
    }
    assert variables_of(tmp_path, "wireguard_peer", "__wireguard_peer_far_keys", given) == {"wg-a": "learned", "wg-b": "known"}
