# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every gate with the function that measures it: the host, and its parameters and secrets by their names → what was measured, in words."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.unde.infra.plugins.module_utils.gates import databases, monitoring, network, services, storage

#: A function raises ``measuring.Red`` where the gate is red; how long it waits before that stands in it.
GATES: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        network.base, network.forwarding, network.tunnels, network.pipeline,
        databases.primaries, databases.backups, databases.replication, databases.master_key, databases.failover, databases.votes, databases.databases,
        databases.drills,
        services.services, services.redis, services.routing, services.entry, services.posthog,
        monitoring.monitoring, monitoring.watch,
        storage.object_storage,
    )
}  # fmt: skip
