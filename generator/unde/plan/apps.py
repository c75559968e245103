"""Our own services on their hosts: what each is told of its neighbours, and the secrets that it is handed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Estate, HostView, select
from ..model.schema import App
from . import sentinels
from .flows import Flows
from .secrets import RUNTIME, redis_user


@dataclass(frozen=True)
class Deployment:
    """One of our services on one of its hosts.

    Attributes:
        address: where it listens.
        standby: whether the host is there for the loss of another site.
        memory_mb: its bound there.
        environment: name → value; no secret.
        secrets: what it is handed as files.

    """

    service: str
    app: App
    host: HostView
    address: str
    port: int
    standby: bool
    memory_mb: int
    environment: dict[str, str]
    secrets: list[Secret]


@dataclass(frozen=True)
class Secret:
    """A secret that a service is handed as a file.

    Attributes:
        file: name of the file.
        variable: where its value is.
        key: of that variable, where it is a mapping.
        volatile: whether it must never reach a disk.

    """

    file: str
    variable: str
    key: str | None
    volatile: bool


def ours(estate: Estate) -> dict[str, App]:
    """Return the services of our own, in the order of the layout."""
    return {name: service.app for name, service in estate.layout.services.items() if service.app}


def on(estate: Estate, flows: Flows, host: HostView) -> list[Deployment]:
    """Return our services on a host, in the order of the layout."""
    here = [name for name in ours(estate) if host in select.hosts(estate, estate.layout.services[name].hosts)]
    around = _neighbours(estate, flows, host)
    return [_deployment(estate, host, name, here, around) for name in here]


def port(estate: Estate, service: str, app: App) -> int:
    """Return the port that an application of ours listens on."""
    return app.local_port or estate.layout.services[service].ports[0]


def standby(estate: Estate, service: str, host: HostView) -> bool:
    """Return whether a host of a service is there for the loss of another site."""
    return host.site == estate.layout.services[service].standby


def memory_mb(estate: Estate, service: str, app: App, host: HostView) -> int:
    """Return how much a service may take on a host, MB."""
    return (app.standby_memory_mb if standby(estate, service, host) else None) or app.memory_mb


def handed(estate: Estate, app: App) -> list[Secret]:
    """Return the secrets of a service; those of an unknown kind, which the checks name, are left out.

    Who is a user of a Redis that has copies asks the sentinels for its master, and so has their password too.
    """
    found = []
    asks = any(sentinels.watched(estate, instance) for instance, _ in families(estate, app))
    for name in dict.fromkeys([*app.secrets, *([f"redis/{redis_user(sentinels.NAME, sentinels.CLIENT)}"] if asks else [])]):
        kind, _, key = name.partition("/")
        if kind in RUNTIME:
            variable, volatile = RUNTIME[kind]
            found.append(Secret(key if kind == "given" else name.replace("/", "-"), variable, key or None, volatile))
    return found


def families(estate: Estate, app: App) -> Iterator[tuple[str, str]]:
    """Yield the Redis instance and the key family of each Redis user that a service is."""
    wanted = {name.removeprefix("redis/") for name in app.secrets if name.startswith("redis/")}
    for instance, redis in estate.layout.clusters.redis.items():
        yield from ((instance, family) for family in redis.families if redis_user(instance, family) in wanted)


def _deployment(estate: Estate, host: HostView, name: str, here: list[str], around: dict[str, str]) -> Deployment:
    """Return a service on a host with what it is told: the host's neighbours, the services beside it, its own key families."""
    app, spare = ours(estate)[name], standby(estate, name, host)
    address, listening = "127.0.0.1" if app.local_port else str(host.address), port(estate, name, app)
    beside = {
        _variable(other): f"{host.address}:{estate.layout.services[other].ports[0]}" for other in here if other != name and estate.layout.services[other].ports
    }
    prefixes: dict[str, list[str]] = {}
    for instance, family in families(estate, app):
        if _variable("redis", instance) in around:
            prefix = estate.layout.clusters.redis[instance].families[family].prefix
            prefixes.setdefault(_variable("redis", instance, "keys"), []).append(f"{family}={prefix}")
    return Deployment(
        name, app, host, address, listening, spare, memory_mb(estate, name, app, host),
        {"UNDE_SERVICE": name, "UNDE_HOST": host.name, "UNDE_SITE": host.site, "UNDE_STANDBY": "yes" if spare else "no",
         "UNDE_LISTEN": f"{address}:{listening}", **around, **beside, **{variable: ",".join(each) for variable, each in prefixes.items()}},
        handed(estate, app),
    )


def _neighbours(estate: Estate, flows: Flows, host: HostView) -> dict[str, str]:
    """Return variable → ``address:port`` of everything that flows let a host call, nearest first; the services outside by their names.

    Flows from all hosts, from a role or a site are the hosts' own business (time, packages, tunnels): only those count that name the host.
    """
    instances = {(copy.name, redis.port): name for name, redis in estate.layout.clusters.redis.items() for copy in sentinels.copies(estate, name)}
    found: dict[str, dict[str, None]] = {}
    for connection in flows.out_of(host.name):
        # The sentinels are told of with what they watch.
        if host.name not in estate.layout.flows[connection.flow].callers or connection.service == sentinels.SERVICE:
            continue
        for target in sorted(connection.targets, key=lambda target: estate.rtt_ms(host.site, target.site)):
            for number in connection.ports if target != host else ():
                instance = instances.get((target.name, number))
                if instance:
                    variable = _variable("redis", instance)
                    if sentinels.watched(estate, instance):
                        found[_variable("redis", instance, "master")] = {instance: None}
                        found[_variable("redis", instance, "sentinels")] = dict.fromkeys(sentinels.places(estate))
                else:
                    variable = _variable(connection.service, *([] if target.shard is None else [str(target.shard)]))
                found.setdefault(variable, {})[f"{target.address}:{number}"] = None
        for outside in estate.layout.services[connection.service].names:
            for number in connection.ports:
                found.setdefault(_variable(connection.service), {})[f"{outside}:{number}"] = None
    return {variable: ",".join(places) for variable, places in found.items()}


def _variable(*words: str) -> str:
    """Return the name of an environment variable of ours."""
    return "_".join(("unde", *words)).replace("-", "_").upper()
