"""PostHog's containers, by Docker Compose."""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO


class Failed(Exception):
    """Something was not done; the text says what, and holds no secret."""


@dataclass(frozen=True)
class Stack:
    """The project, as the settings name it.

    Attributes:
        directory: of the Compose files and their ``.env``.
        data: where the containers' volumes are.
        health_url: answers 200 when the web is well; empty where the web is on another host.
        once: services that end when their work is done.

    """

    directory: Path
    data: Path
    health_url: str
    once: frozenset[str]

    def run(self, *words: str, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> str:
        """Run ``docker compose`` and return what it prints.

        Raises:
            Failed: it ended badly; with the end of what it complained of.

        """
        done = subprocess.run(
            ["docker", "compose", "--project-directory", str(self.directory), *words],
            stdin=stdin or subprocess.DEVNULL, stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise Failed(f"docker compose {' '.join(words[:4])} …: exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}")
        return done.stdout.decode() if stdout is None else ""

    def inside(self, service: str, *command: str, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> str:
        """Run a command in a service's container and return what it prints."""
        return self.run("exec", "--no-TTY", service, *command, stdin=stdin, stdout=stdout)

    def services(self) -> list[str]:
        """Return the services that shall have a container."""
        configured: dict[str, Any] = json.loads(self.run("config", "--format", "json"))["services"]
        return sorted(
            name for name, service in configured.items() if service.get("deploy", {}).get("replicas") != 0 and service.get("scale") != 0
        )

    def digest(self) -> str:
        """Return a digest of all that the Compose files come to, secrets included."""
        return hashlib.sha256(self.run("config").encode()).hexdigest()

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return each service's container as Docker knows it."""
        found = self.run("ps", "--all", "--quiet").split()
        if not found:
            return {}
        done = subprocess.run(["docker", "inspect", *found], capture_output=True, check=False)
        if done.returncode != 0:
            raise Failed("docker inspect: a container went away while it was looked at")
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in json.loads(done.stdout)}

    def restarts(self) -> dict[str, tuple[str, int]]:
        """Return when each container was started, and how often Docker had to start it again."""
        return {name: (each["State"]["StartedAt"], each["RestartCount"]) for name, each in self.containers().items()}

    def unhealthy_services(self) -> list[str]:
        """Return what is wrong, one sentence each; nothing when all is well."""
        containers, found = self.containers(), []
        for name in self.services():
            state: dict[str, Any] = containers[name]["State"] if name in containers else {"Status": "missing"}
            if name in self.once:
                if state["Status"] != "exited" or state["ExitCode"] != 0:
                    found.append(f"{name} has not done its work: {state['Status']} {state.get('ExitCode', '')}".strip())
            elif state["Status"] != "running":
                found.append(f"{name} is {state['Status']}")
            elif state.get("Health", {}).get("Status", "healthy") != "healthy":
                found.append(f"{name} is {state['Health']['Status']}")
        return found + self._web_problems()

    def _web_problems(self) -> list[str]:
        if not self.health_url:
            return []
        try:
            with urllib.request.urlopen(self.health_url, timeout=5) as answer:
                return [] if answer.status == 200 else [f"{self.health_url} answers {answer.status}"]
        except urllib.error.HTTPError as error:
            return [f"{self.health_url} answers {error.code}"]
        except OSError as error:
            return [f"{self.health_url} does not answer: {error}"]
