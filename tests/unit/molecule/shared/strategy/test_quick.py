"""The strategy of `. scripts/environment quick`: tasks in the background end, as Molecule's docker driver needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import support

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - community.docker.docker_host_info: {docker_host: "unix:///nowhere"}
      async: 60
      poll: 0
      register: begun
    - ansible.builtin.async_status: {jid: "{{ begun.ansible_job_id }}"}
      register: ended
      until: ended is finished
      failed_when: false
      retries: 60
      delay: 1
    - ansible.builtin.assert: {that: ended is finished}
"""


@pytest.mark.parametrize("kind", ["quick", "lab"])
def test_a_task_in_the_background_ends_on_this_machine(kind: str, tmp_path: Path) -> None:
    """Under Mitogen's own strategy a module of community.docker never does: here it fails at once, for want of an engine."""
    playbook, password = tmp_path / "background.yml", tmp_path / "password"
    password.write_text("none")
    playbook.write_text(PLAYBOOK)
    done = support.run(
        "bash", "-c", f". scripts/environment {kind} && exec ansible-playbook {playbook}",
        ANSIBLE_INVENTORY=str(support.ROOT / ".config/lint-inventory.yml"), ANSIBLE_INVENTORY_ENABLED="ansible.builtin.yaml",
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", ANSIBLE_VAULT_PASSWORD_FILE=str(password),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout[done.stdout.index("{"):])
    assert said["stats"]["localhost"]["failures"] == 0
