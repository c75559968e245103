"""Bring the database's cluster into being by initdb, once, or recognize the one that is there.

What it knows is the system identifier in the state directory. Another cluster is taken over only on a host that the layout
calls `deployed` or `running` and whose `adopt` names this role; its configuration as it was is kept beside that record.
"""

from __future__ import annotations

import re
import shutil

from common import INITIALIZING, PORT, STATE_DIRECTORY, alone, answers, read_order, refuse, report
from home import IDENTIFIER, Cluster, create

BEFORE = STATE_DIRECTORY / "before"
CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
INCLUDES = re.compile(r"^\s*include_dir\s*=?\s*'?conf\.d/?'?\s*(#.*)?$", re.MULTILINE)


def adopt(cluster: Cluster, found: str, check: bool) -> None:
    """Take over a cluster that something else made."""
    if not INCLUDES.search((cluster.config / "postgresql.conf").read_text()):
        refuse(
            f"{cluster.config / 'postgresql.conf'} does not include conf.d, so that no setting of this role would hold. "
            "Nothing was touched. Add the line include_dir = 'conf.d' at its end, and run again."
        )
    if check:
        return
    BEFORE.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in CONFIGURATION:
        if (cluster.config / name).exists():
            shutil.copy2(cluster.config / name, BEFORE / name)
    IDENTIFIER.write_text(found + "\n")


def recognize(order: dict, cluster: Cluster) -> bool:
    """Accept a data directory that is ours, or is to become it; refuse any other. Return whether it had to be taken over first."""
    found = cluster.identifier()
    if not found or not (cluster.config / "postgresql.conf").exists():
        refuse(f"{cluster.data} holds data that is no cluster of this host (system {found or 'unreadable'}). Nothing was touched. Move it away and run again.")
    if IDENTIFIER.exists():
        if IDENTIFIER.read_text().strip() != found:
            refuse(
                f"{cluster.data} holds system {found}, but this database's system is {IDENTIFIER.read_text().strip()}. Nothing was touched. "
                f"Move the foreign data away; or, if the database really was replaced, remove {IDENTIFIER} and run again."
            )
        return False
    if not order["adopt"]:
        refuse(
            f"{cluster.data} holds system {found}, which this role did not make. Nothing was touched. If it is to be kept, "
            "the host is not `create`: say `state: running` and add core_database to its `adopt` in the layout."
        )
    adopt(cluster, found, order["check"])
    return True


def main() -> None:
    """Run the command."""
    order = read_order()
    alone()
    cluster = Cluster(order["version"])
    if not cluster.empty() and not INITIALIZING.exists():
        report(recognize(order, cluster), state="ready")
    if IDENTIFIER.exists() and not INITIALIZING.exists():
        refuse(
            f"{cluster.data} is empty, but system {IDENTIFIER.read_text().strip()} lived here: starting anew would lose it. "
            f"Restore it from the backup; or, if it is given up, remove {IDENTIFIER} and run again."
        )
    if answers() and not INITIALIZING.exists():
        refuse(f"{cluster.data} is empty, but a PostgreSQL answers on port {PORT}: its data lies elsewhere. Nothing was touched.")
    if not order["check"]:
        create(order, cluster)
    report(True, state="created")


if __name__ == "__main__":
    main()
