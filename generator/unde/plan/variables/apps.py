"""What the hosts of our own services are told."""

from __future__ import annotations

from dataclasses import asdict

from ...model import Estate, HostView
from .. import apps
from ..flows import Flows
from .common import Own, Variables

#: What of an application the role takes as it stands in the layout.
TYPED = ("deploy", "version", "artifact", "checksum", "command", "image", "digest", "health", "start_s", "stop_s", "rereads_secrets")


def _app_service_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"app_service_services": [_service(deployment) for deployment in apps.on(estate, flows, host)]}


def _service(deployment: apps.Deployment) -> Variables:
    """Return a service as the role wants it: what is null is left out."""
    app = deployment.app
    artifact = None if app.deploy == "image" or app.version is None else (app.artifact or f"{deployment.service}-{{version}}.tar.gz")
    values = app.model_dump(include=set(TYPED)) | {"artifact": artifact and artifact.replace("{version}", app.version or "")}
    return {
        "name": deployment.service,
        "address": deployment.address,
        "port": deployment.port,
        "standby": deployment.standby,
        "memory_mb": deployment.memory_mb,
        "cpu_percent": max(1, round(app.cpu_share * deployment.host.kind.vcpu * 100)),
        "environment": deployment.environment,
        "secrets": [{key: value for key, value in asdict(secret).items() if value is not None} for secret in deployment.secrets],
    } | {key: values[key] for key in TYPED if values[key] is not None}


OWN: Own = {
    "app_service": _app_service_own,
}
