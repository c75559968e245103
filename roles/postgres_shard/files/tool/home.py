"""The one cluster of a host: where it lies, and how it comes into being by initdb.

A run that was killed half way leaves the mark `initializing`, and only what such a run left behind is ever removed.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from common import INITIALIZING, STATE_DIRECTORY, program, refuse, run

IDENTIFIER = STATE_DIRECTORY / "system_identifier"


@dataclass(frozen=True)
class Cluster:
    """Where the one cluster of this host lies, the way Debian lays it out."""

    version: str

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return Path("/var/lib/postgresql") / self.version / "main"

    @property
    def incoming(self) -> Path:
        """Return where a base backup is received, before it is complete."""
        return self.data.with_name("main.incoming")

    @property
    def config(self) -> Path:
        """Return the configuration directory."""
        return Path("/etc/postgresql") / self.version / "main"

    @property
    def unit(self) -> str:
        """Return the systemd unit."""
        return f"postgresql@{self.version}-main.service"

    def empty(self) -> bool:
        """Tell whether there is nothing at all in the data directory."""
        return not self.data.is_dir() or not any(self.data.iterdir())

    def identifier(self) -> str:
        """Return the system identifier, read from the files: the server need not run."""
        if not (self.data / "global" / "pg_control").exists():
            return ""
        for line in run([program("pg_controldata"), "-D", str(self.data)]).stdout.splitlines():
            name, _, value = line.partition(":")
            if name == "Database system identifier":
                return value.strip()
        return ""


def forget_half_done(cluster: Cluster) -> None:
    """Remove what a killed run of this command left; the mark proves that nobody has used it yet."""
    run(["systemctl", "stop", cluster.unit], check=False)
    shutil.rmtree(cluster.data, ignore_errors=True)
    shutil.rmtree(cluster.incoming, ignore_errors=True)
    for name in ("postgresql.conf", "start.conf", "pg_ctl.conf", "environment"):
        (cluster.config / name).unlink(missing_ok=True)


def begin(order: dict, cluster: Cluster) -> None:
    """Leave the mark before anything is made."""
    if not order["may_initialize"]:
        refuse(
            f"{cluster.data} is empty and this host may not be initialized (its state is not `create`). "
            "If a new cluster or copy is really wanted here, run again with -e unde_may_initialize=true."
        )
    STATE_DIRECTORY.mkdir(parents=True, exist_ok=True)
    INITIALIZING.write_text("a cluster is being made here; if you can read this and nothing runs, the run was killed\n")
    forget_half_done(cluster)


def finish(cluster: Cluster) -> None:
    """Record who lives here, then take the mark away."""
    IDENTIFIER.write_text(cluster.identifier() + "\n")
    INITIALIZING.unlink()


def integrate(cluster: Cluster, *options: str) -> None:
    """Run Debian's own tool; it accepts no pg_hba.conf that is already there, so ours is put back afterwards."""
    ours = {name: (cluster.config / name).read_bytes() for name in ("pg_hba.conf", "pg_ident.conf") if (cluster.config / name).exists()}
    for name in ours:
        (cluster.config / name).unlink()
    base = ["pg_createcluster", "--quiet", "--no-status", "--locale=C.UTF-8", "--encoding=UTF8", "--port=5432", "--start-conf=auto"]
    run([*base, cluster.version, "main", *options])
    for name, content in ours.items():
        (cluster.config / name).write_bytes(content)


def create(order: dict, cluster: Cluster) -> None:
    """Make the first primary."""
    begin(order, cluster)
    integrate(cluster, "--", "--data-checksums")
    finish(cluster)
