"""What the commands of the PostgreSQL roles share: how they take an order, speak SQL, refuse, and report.

Each command reads one JSON object from standard input (secrets therefore never stand on a command line),
prints one JSON object with at least `changed`, and ends with status 1 and one sentence on stderr when it refuses.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

# The role whose commands these are; each keeps them in a directory of its name.
ROLE = Path(__file__).resolve().parent.name
STATE_DIRECTORY = Path("/var/lib/unde") / ROLE
# Stands as long as a cluster is being made here; what lies here meanwhile is nobody's.
INITIALIZING = STATE_DIRECTORY / "initializing"
REPLICATION_PASSFILE = Path("/var/lib/postgresql/.unde-replicator.pgpass")
CA_FILE = "/etc/unde/tls/ca.crt"
PORT = 5432
# For a run whose connection was lost, and which goes on here.
OTHER_S = 120
# What `alone` holds; whatever this run starts holds it too.
held: list[int] = []
# Where the programs of this host's PostgreSQL lie, as the order says.
programs: list[Path] = []


def read_order() -> dict:
    """Return what the caller asks for; `check` is true when nothing may be changed."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    order = json.load(sys.stdin)
    order["check"] = "--check" in sys.argv[1:]
    programs[:] = [Path(order["programs"])] if "programs" in order else []
    return order


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's own programs.

    What Debian has in /usr/bin under their names is a wrapper: it first reads the cluster's configuration, and fails while Patroni writes it.
    """
    return str(programs[0] / name)


def alone() -> None:
    """Go on only when no other run makes a cluster here, and let no other begin before this one, and all that it starts, has ended.

    A run whose connection was lost is not killed by that: what it makes can be judged when it is done.
    """
    place = Path(__file__).resolve().parent
    handle = os.open(place, os.O_RDONLY)
    give_up = time.monotonic() + OTHER_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                refuse(f"another run still makes a cluster here (`fuser -v {place}` shows which processes): wait until it has ended, then run again")
            time.sleep(0.2)
        else:
            held.append(handle)
            return


def refuse(message: str) -> NoReturn:
    """End with one readable sentence and no traceback."""
    print(message, file=sys.stderr)
    sys.exit(1)


def report(changed: bool, **rest: object) -> NoReturn:
    """End with the one JSON object that the role reads."""
    print(json.dumps({"changed": changed, **rest}))
    sys.exit(0)


def run(argv: list[str], *, as_postgres: bool = False, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
    """Run a command with a small, known environment; a failure becomes a refusal with the command's own words."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "PGAPPNAME": f"unde-{ROLE.replace('_', '-')}",
        "PGPASSFILE": str(REPLICATION_PASSFILE),
    }
    identity = {}
    if as_postgres:
        account = pwd.getpwnam("postgres")
        environment["HOME"] = account.pw_dir
        identity = {"user": "postgres", "group": account.pw_gid, "extra_groups": os.getgrouplist("postgres", account.pw_gid)}
    done = subprocess.run(argv, input=text or "", text=True, capture_output=True, env=environment, cwd="/", check=False, pass_fds=held, **identity)
    if check and done.returncode != 0:
        refuse(f"{Path(argv[0]).name} ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def psql(sql: str, *, database: str = "postgres", variables: dict | None = None, transaction: bool = False, check: bool = True) -> str:
    """Run SQL on the local server as the superuser, over the socket; the SQL travels through standard input."""
    argv = [program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-p", str(PORT), "-d", database]
    for name, value in (variables or {}).items():
        argv += ["-v", f"{name}={value}"]
    if transaction:
        argv.append("--single-transaction")
    done = run([*argv, "-f", "-"], as_postgres=True, text=sql, check=check)
    return done.stdout.rstrip("\n") if done.returncode == 0 else ""


def replication_conninfo(address: str, **more: str) -> str:
    """Return how the replication user reaches a member: TLS, the member's name checked, the password from the passfile."""
    parts = {"host": address, "port": PORT, "user": "replicator", "sslmode": "verify-full", "sslrootcert": CA_FILE, "connect_timeout": 10}
    parts |= more
    return " ".join(f"{name}={value}" for name, value in parts.items())


def answers() -> bool:
    """Tell whether the local server accepts connections."""
    return run([program("pg_isready"), "-q", "-h", "/var/run/postgresql", "-p", str(PORT)], check=False).returncode == 0


def in_recovery() -> bool:
    """Tell whether the local server is a standby now, whatever the layout called it at first."""
    return psql("SELECT pg_is_in_recovery()") == "t"


def is_primary() -> bool:
    """Tell whether users and schema are to be kept here now."""
    return not INITIALIZING.exists() and answers() and not in_recovery()


def patroni_manages() -> bool:
    """Tell whether starting and stopping PostgreSQL has become Patroni's business on this host.

    Its package enables the unit at once; without this file the unit cannot run, and nobody else would start the server.
    """
    return Path("/etc/patroni/config.yml").exists()


def start(unit: str) -> None:
    """Start PostgreSQL and wait until it answers; on failure show the end of its log."""
    if run(["systemctl", "show", "--value", "--property=NeedDaemonReload", unit], check=False).stdout.strip() == "yes":
        run(["systemctl", "daemon-reload"])
    run(["systemctl", "start", unit], check=False)
    deadline = time.monotonic() + 300
    while not answers():
        if time.monotonic() > deadline or run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0:
            log = Path("/var/log/postgresql") / f"postgresql-{unit.removeprefix('postgresql@').removesuffix('.service')}.log"
            tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else ["(no log)"]
            refuse(f"{unit} does not answer; the end of {log}:\n" + "\n".join(tail))
        time.sleep(0.2)


def write_private(path: Path, content: str, mode: int, owner: str) -> None:
    """Write a file that is never, not for a moment, readable by others."""
    account = pwd.getpwnam(owner)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".unde-")
    try:
        with os.fdopen(handle, "w") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chown(beside, account.pw_uid, account.pw_gid)
        os.chmod(beside, mode)
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise
