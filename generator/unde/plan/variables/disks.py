"""What a host with an encrypted disk is told."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import disks
from ..flows import Flows
from .common import Own, Variables


def _luks_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    disk = host.kind.encrypted_disk
    if disk is None:
        return {}
    return {
        "luks_device": disk.device,
        "luks_mount": disk.mount,
        "luks_unlock": disk.unlock,
        "luks_memory_kib": disks.memory_kib(host.kind),
        "luks_iterations": disks.ITERATIONS,
        "luks_parallel": disks.threads(host.kind),
        "luks_services": disks.waiting(estate, host),
    }


OWN: Own = {
    "luks": _luks_own,
}
