"""Our own services: at home where their role is, within their host's memory, with secrets that exist and that they may have."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate, select
from ..plan import apps, secrets
from ..plan.flows import Flows
from .rules import Violation, rule

#: What the roles call their own units, without unde- in front.
UNITS = (
    "chr-counters", "chr-firewall", "docker-firewall", "exporters-textfile", "firewall", "firewall-tick", "gateway-firewall", "luks", "pgbackrest",
    "pgbackrest-server", "posthog-backup", "posthog-gate", "posthog-metrics", "redis-sentinel", "routes", "routing", "tls",
)
LONGEST_USER = 31  #: utmp has 32 bytes (useradd, systemd.exec)


@rule("app-role")
def homes(estate: Estate) -> Iterator[Violation]:
    """A service of ours stands on hosts with the role app_service, and such a host has one; a layout that describes none is left alone."""
    carried: set[str] = set()
    for name, app in apps.ours(estate).items():
        for host in select.hosts(estate, estate.layout.services[name].hosts):
            carried.add(host.name)
            for needed in ("app_service", *(["docker"] if app.deploy == "image" else [])):
                if needed not in host.roles:
                    yield Violation(
                        ("services", name, "hosts"), f"service '{name}' is to run on '{host.name}', which has not the role {needed}",
                        f"give '{host.name}' the role {needed}, or remove it from the hosts",
                    )
    for host in estate.by_role["app_service"]:
        if carried and host.name not in carried:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role app_service, but no service of ours stands there",
                f"add '{host.name}' to the hosts of a service with app, or remove the role",
            )


@rule("app-version")
def versions(estate: Estate) -> Iterator[Violation]:
    """Every service of ours says which release runs, an image to the byte; until then the role refuses it."""
    applications = apps.ours(estate).items()
    unknown = [name for name, app in applications if app.version is None or (app.deploy == "image" and app.digest is None)]
    if unknown:
        yield Violation(
            ("services", unknown[0], "app"), f"which release is to run is open of: {', '.join(unknown)}",
            "fill in app.version (and app.digest of an image) before their day", warn=True,
        )
    for name, app in applications:
        if app.artifact and app.artifact.startswith(("http://", "https://")) and app.checksum is None:
            yield Violation(("services", name, "app", "artifact"), f"what '{name}' fetches from a URL could be anything", "write app.checksum, its SHA-256")


@rule("app-memory")
def memory(estate: Estate) -> Iterator[Violation]:
    """What the services of a host may take together fits into its memory."""
    taken: dict[str, dict[str, int]] = {}
    for name, app in apps.ours(estate).items():
        for host in select.hosts(estate, estate.layout.services[name].hosts):
            taken.setdefault(host.name, {})[name] = apps.memory_mb(estate, name, app, host)
    for place, services in taken.items():
        total, there = sum(services.values()), estate.hosts[place].kind.ram_gb * 1024
        if total > there:
            yield Violation(
                ("services", list(services)[-1], "app", "memory_mb"),
                f"{' and '.join(services)} may take {total} MB on '{place}', which has {there}", f"at most {there} MB together",
            )


@rule("app-secret", derives=True)
def handed(estate: Estate) -> Iterator[Violation]:
    """Every secret that a service asks for exists, and its hosts may have it: the master key as its readers, a Redis user by a flow."""
    users, known, flows = secrets.redis_users(estate), secrets.database_users(estate), Flows(estate)
    readers = {host.name for host in select.hosts(estate, estate.layout.shards.master_key.readers)}
    for name, app in apps.ours(estate).items():
        for number, secret in enumerate(app.secrets):
            path, (kind, _, key) = ("services", name, "app", "secrets", number), secret.partition("/")
            if kind not in secrets.RUNTIME or (kind in secrets.NAMED) != bool(key):
                kinds = [each + ("/<name>" if each in secrets.NAMED else "") for each in secrets.RUNTIME]
                yield Violation(path, f"'{secret}' is no secret of the estate", f"one of: {', '.join(kinds)}")
            elif kind == "redis" and key not in users:
                yield Violation(path, f"'{key}' is no user of a Redis instance", nearest(key, users))
            elif kind == "database" and key not in known:
                yield Violation(path, f"'{key}' is no user of a database", nearest(key, known))
            elif kind == "master-key":
                for host in select.hosts(estate, estate.layout.services[name].hosts):
                    if host.name not in readers:
                        yield Violation(
                            path, f"'{name}' asks for the master key on '{host.name}', which is none of its readers",
                            "add the host to shards.master_key.readers, or remove the secret",
                        )
        for instance in dict.fromkeys(instance for instance, _ in apps.families(estate, app)):
            redis = estate.layout.clusters.redis[instance]
            for host in select.hosts(estate, estate.layout.services[name].hosts):
                if host not in flows.callers_of(redis.host, redis.port) and not apps.standby(estate, name, host):
                    yield Violation(
                        ("services", name, "app", "secrets"),
                        f"'{name}' is a user of Redis '{instance}', but no flow leads there from '{host.name}'",
                        f"add a flow from '{host.name}', or remove the secret",
                    )


@rule("app-name")
def names(estate: Estate) -> Iterator[Violation]:
    """A service of ours has a unit and a user of its name, which is free and short enough for Debian."""
    for name in apps.ours(estate):
        if name in UNITS or len(f"unde-{name}") > LONGEST_USER:
            why = "is a unit of the roles" if name in UNITS else f"is longer than the {LONGEST_USER} characters of a user"
            yield Violation(("services", name), f"unde-{name}, which '{name}' would run as, {why}", "another name, a shorter one")
