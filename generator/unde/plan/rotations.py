"""How each secret's new value is delivered: by which steps of which roles, and how it is seen to be let in and the former one refused.

`playbooks/operate/rotate_secret.yml` does what stands here; `docs/reference/secrets.md` is made of it. A secret is named by its variable in the vault, and
by its entry there where the variable is a mapping (``vault_redis_passwords/cache-mood``).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from . import databases, secrets, sentinels


@dataclass(frozen=True)
class Step:
    """One role, or one of its entries, on every host where it takes the secret up.

    Attributes:
        tasks: the entry: a file of the role's ``tasks/``.
        former: whether the role is still told the former value; one that lets in with both lets in with the new one alone where it is not.
        restarts: whether services may be restarted that read a secret only when they start.
        last: whether the step waits for the second run, to which somebody says that the former value may go.

    """

    role: str
    tasks: str = "main.yml"
    former: bool = True
    restarts: bool = True
    last: bool = False


@dataclass(frozen=True)
class Login:
    """A page that asks for user and password by HTTPS.

    Attributes:
        port: the software's own; the role's variable ``port_variable`` says another, as ``user_variable`` does of the user.
        address: where it is asked; empty: the host's own address, which its certificate names.
        certificate: whether the host's certificate is asked for besides.

    """

    user: str
    port_variable: str
    port: int
    path: str
    address: str = ""
    method: str = "GET"
    certificate: bool = False
    user_variable: str = ""


@dataclass(frozen=True)
class Proof:
    """Who is asked whether the new value lets in and the former one does not.

    Attributes:
        by: the file ``playbooks/operate/tasks/rotated_<by>.yml``; ``role`` where the role's own tasks try both values.
        roles: (beginning of the secret's entry, the role on whose hosts it is asked); the first that fits.
        logins: for ``http``: where.
        user: for ``role``: the user of PostgreSQL whose password it is.

    """

    by: str
    roles: tuple[tuple[str, str], ...] = ()
    logins: tuple[Login, ...] = ()
    user: str = ""


@dataclass(frozen=True)
class Rotation:
    """What becomes of a secret that gets a new value.

    Attributes:
        touches: whom, and what it does to them.
        window: for how long who comes in with it may be turned away.
        steps: in this order.
        proof: None: nobody can be asked, and ``unasked`` says why.
        given: whether only others can give it.
        confirmed_by: the variable by which a second run is told that the former value may go, and ``until`` what has to be true by then.

    """

    touches: str
    window: str
    steps: tuple[Step, ...]
    proof: Proof | None = None
    unasked: str = ""
    given: bool = False
    confirmed_by: str = ""
    until: str = ""


#: How services take a new secret up.
HANDED = "handed without a restart where they read it anew, else a restart"


def _alertmanager(user: str) -> Login:
    """Return where Alertmanager asks for a user's password."""
    return Login(user, "alertmanager_port", 9093, "/api/v2/status", address="localhost")


def _prometheus(user: str) -> Login:
    """Return where Prometheus asks for a user's password."""
    return Login(user, "prometheus_port", 9090, "/api/v1/query?query=up")


def _shard(touches: str, window: str, user: str, *then: Step) -> Rotation:
    """Return the rotation of a password of the shards' own users."""
    return Rotation(touches, window, (Step("postgres_shard", "rotate.yml"), *then), Proof("role", user=user))


def _posthog(window: str, unasked: str, *, also: str = "") -> Rotation:
    """Return the rotation of what only PostHog's containers know."""
    return Rotation(f"PostHog (its containers are made anew){also}", window, (Step("posthog"),), unasked=unasked)


#: Variable of the vault → its rotation. Those that are in `FIXED` do not get a new value this way.
ROTATIONS: dict[str, Rotation] = {
    "vault_alertmanager_operators_password": Rotation(
        "Alertmanager, Grafana (reload)", "Grafana's questions, from Alertmanager's change to its own (seconds)",
        (Step("alertmanager"), Step("grafana")), Proof("http", (("", "alertmanager"),), (_alertmanager("operators"),)),
    ),
    "vault_alertmanager_slack_url": Rotation(
        "Alertmanager (reload)", "none", (Step("alertmanager"),), unasked="only a message would tell; revoke the former one at Slack", given=True,
    ),
    "vault_alertmanager_telegram_token": Rotation(
        "Alertmanager (reload)", "none", (Step("alertmanager"),), Proof("telegram", (("", "alertmanager"),)), given=True,
    ),
    "vault_app_service_given_secrets": Rotation(
        f"the services that have it ({HANDED})", "none for who tries both; else until the one who gave it revokes the former one",
        (Step("app_service"), Step("app_service", former=False)), unasked="who gave it lets in; revoke the former one there", given=True,
    ),
    secrets.DATABASES: Rotation(
        f"the database; the services that have it ({HANDED}), its pooler (reload) or exporters (restart)",
        "none for who tries both; else new logins, from the database's change to the service's restart (seconds); sessions go on",
        (Step("app_service", restarts=False), Step("core_database", "rotate.yml"), Step("pgbouncer"), Step("exporters"), Step("app_service", former=False)),
        Proof("role"),
    ),
    "vault_grafana_admin_password": Rotation(
        "Grafana (reload)", "none", (Step("grafana"),), Proof("http", (("", "grafana"),), (Login("admin", "grafana_port", 3000, "/api/org"),)),
    ),
    "vault_mikrotik_chr_counters_password": Rotation(
        "every router; what counts reads it each minute", "one count at most", (Step("mikrotik_chr", "rotate_password.yml"),), Proof("role"),
    ),
    "vault_mikrotik_chr_password": Rotation(
        "every router; no service comes in with it", "none", (Step("mikrotik_chr", "rotate_password.yml"),), Proof("role"),
    ),
    secrets.STORAGE_KEYS: Rotation(
        "every bucket's policy, by it the new key is narrowed; pgBackRest, at its next command; the services that have it (as of any that is given)",
        "none until the former key is revoked",
        (
            Step("object_storage"), Step("pgbackrest"), Step("app_service"),
            Step("app_service", former=False, last=True), Step("object_storage", former=False, last=True),
        ),
        Proof("object_storage", (("", "object_storage"),)), given=True, confirmed_by="revoked",
        until="the former key is revoked in the provider's console (until then its buckets' policies name both)",
    ),
    "vault_patroni_api_password": Rotation(
        "Patroni (reload)", "patronictl between two members, until both are reloaded (seconds); failover needs it not", (Step("patroni"),),
        Proof("http", (("", "patroni"),), (
            Login("patroni", "patroni_api_port", 8008, "/reload", method="POST", certificate=True, user_variable="patroni_api_username"),
        )),
    ),
    "vault_postgres_shard_app_password": Rotation(
        f"every shard; the services that have it ({HANDED})",
        "none for who tries both; else new logins, from the shard's change to the service's restart (seconds); sessions go on",
        (Step("app_service", restarts=False), Step("postgres_shard", "rotate.yml"), Step("app_service", former=False)), Proof("role", user="unde_app"),
    ),
    secrets.MASTER_KEY: Rotation(
        f"every member of the shards, the services that have it ({HANDED}); all that is sealed", "none",
        (Step("app_service"), Step("postgres_shard", "rotate_master_key.yml"), Step("app_service", former=False, last=True)), Proof("role"),
        confirmed_by="reencrypted", until="the services have sealed anew what they keep themselves",
    ),
    "vault_postgres_shard_monitor_password": _shard(
        "every shard; its exporters (restart)", "the exporters' questions, from the shard's change to their restart (seconds)", databases.MONITOR,
        Step("exporters"),
    ),
    "vault_postgres_shard_pgbouncer_password": _shard(
        "every shard; its pooler (reload)", "none while the pooler's own two connections last; else new logins until its reload (seconds)", databases.POOLER,
        Step("pgbouncer"),
    ),
    "vault_postgres_shard_replicator_password": _shard(
        "every shard; Patroni (reload)", "a standby that connects anew between the two tries again (seconds); streams go on", "replicator", Step("patroni"),
    ),
    "vault_postgres_shard_rewind_password": _shard(
        "every shard; Patroni (reload)", "a rewind that begins between the two is tried again", "rewind", Step("patroni"),
    ),
    "vault_posthog_database_password": Rotation(
        "PostHog's PostgreSQL; PostHog (its containers are made anew)",
        "PostHog's new connections, from the database's change to its start (minutes); the gate keeps the events",
        (Step("posthog", "rotate_database.yml"), Step("posthog")), Proof("role"),
    ),
    "vault_posthog_internal_token": _posthog(
        "PostHog's start (minutes); the gate keeps the events", "only PostHog's own services use it among themselves",
    ),
    "vault_posthog_secret": _posthog(
        "PostHog's start (minutes); the gate keeps the events", "it signs sessions and lets nobody in by itself",
        also="; who is logged in there is logged out",
    ),
    "vault_prometheus_grafana_password": Rotation(
        "Prometheus (reads it at each request), Grafana (reload)", "Grafana's questions, from Prometheus's change to its own (seconds)",
        (Step("prometheus"), Step("grafana")), Proof("http", (("", "prometheus"),), (_prometheus("grafana"),)),
    ),
    "vault_prometheus_operators_password": Rotation(
        "Prometheus (reads it at each request)", "none", (Step("prometheus"),), Proof("http", (("", "prometheus"),), (_prometheus("operators"),)),
    ),
    "vault_prometheus_own_password": Rotation(
        "Prometheus and Alertmanager (reload)", "alerts, from Alertmanager's change to Prometheus's (seconds); they are sent again",
        (Step("alertmanager"), Step("prometheus")),
        Proof("http", (("", "prometheus"),), (_prometheus("prometheus"), _alertmanager("prometheus"))),
    ),
    secrets.REDIS: Rotation(
        "Redis and the sentinels (users loaded anew); who comes in as that user, handed without a restart where it reads it anew, else a restart",
        "none: Redis and the sentinels let in with both meanwhile",
        (
            Step("redis"), Step("redis_sentinel"), Step("app_service"), Step("routing"), Step("exporters"),
            Step("redis", former=False), Step("redis_sentinel", former=False), Step("app_service", former=False),
        ),
        Proof("redis", ((f"{sentinels.NAME}-", "redis_sentinel"), ("", "redis"))),
    ),
}  # fmt: skip

#: Variable → why a new value for it is not simply delivered, and what is done instead.
FIXED = {
    "vault_grafana_secret_key": "Grafana could not read the secrets that it keeps: it encrypts them with this",
    "vault_luks_backup_passphrase": "the copies of headers that there are stay encrypted with it: make new copies, destroy the old ones (role luks)",
    "vault_luks_passphrases": "it is changed on the disk first: `cryptsetup luksChangeKey` (role luks, Another passphrase)",
    "vault_luks_recovery_passphrases": "it is changed on the disk first: `cryptsetup luksChangeKey` (role luks, Another passphrase)",
    "vault_mikrotik_chr_backup_password": "the router's backups that there are stay encrypted with it, and could not be loaded any more",
    "vault_pgbackrest_cipher_pass": "no backup that there is could be read any more: it takes a new repository (role pgbackrest)",
    "vault_posthog_encryption_salt": "PostHog could not read what it keeps: it encrypts it with this",
    "vault_posthog_gate_key": "it lets nobody in: it hides the ids of events, and with another one PostHog counts repetitions twice",
}


def published() -> dict[str, dict[str, Any]]:
    """Return the table as Ansible is told it: in JSON's kinds alone."""
    result: dict[str, dict[str, Any]] = json.loads(json.dumps({variable: asdict(rotation) for variable, rotation in ROTATIONS.items()}))
    return result
