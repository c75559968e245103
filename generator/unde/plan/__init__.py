"""What follows from the layout: pure functions, the same layout gives the same bytes (fresh secrets excepted)."""

from . import clusters, cost, flows, groups, inventory, rollout, scrape, secrets, tunnels

__all__ = ["clusters", "cost", "flows", "groups", "inventory", "rollout", "scrape", "secrets", "tunnels"]
