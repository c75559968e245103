"""How long writes stop, predicted from the settings of Patroni and etcd."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate
from . import clusters

Seconds = tuple[float, float]

#: Asking the other members for their state times out after 2 s (Patroni's ``fetch_nodes_statuses``), and the promotion ends.
RACE_S = 2.0
#: The clients' routing follows the new leader: measured 0.2 to 1.0 s for a callback, rounded up by one loop of the reconciler.
ROUTING_S: Seconds = (1.0, 2.0)


@dataclass(frozen=True)
class Timing:
    """The settings that decide, all in seconds."""

    ttl_s: float
    loop_wait_s: float
    retry_timeout_s: float
    election_s: float

    @classmethod
    def of(cls, estate: Estate) -> Timing:
        """Return the settings of an estate."""
        patroni, election_ms = estate.layout.clusters.patroni, clusters.etcd(estate).settings["election_ms"]
        assert isinstance(election_ms, int)
        return cls(patroni.ttl, patroni.loop_wait, patroni.retry_timeout, election_ms / 1000)

    def failover_s(self, election: bool) -> Seconds:
        """Return the shortest and the longest time from the loss of a primary to the first write on another member, seconds.

        Shortest: ``ttl - loop_wait + routing``. The lease was refreshed a whole loop before the loss, and the replica's
        watch sees it vanish at once. Longest: ``ttl + loop_wait + race + routing``. The lease was refreshed in the last
        moment, the watch was missed and the next loop finds it. For 20/5/5 that is 16 to 29 s; measured with a
        122 ms link: 18 to 24 s, once 28.3. (The model of a crashed node: pigsty.io/docs/concept/ha/failure; ttl and loop_wait:
        patroni.readthedocs.io, "Dynamic Configuration Settings".)

        Args:
            election: whether the etcd leader may be lost too. A new one is elected within twice the election timeout
                (raft draws its timeouts from one to two of them), and then gives every lease its whole ttl again and one
                election timeout on top (etcd-io/etcd, ``lessor.Promote(ElectionTimeout())``): the longest time grows by three.

        """
        low = self.ttl_s - self.loop_wait_s + ROUTING_S[0]
        high = self.ttl_s + self.loop_wait_s + RACE_S + ROUTING_S[1]
        return (low, round(high + (3 * self.election_s if election else 0.0), 1))

    def pause_s(self, election: bool) -> Seconds:
        """Return how long writes stop when the primary stays, seconds.

        Not at all, unless etcd may be without a leader for longer than Patroni retries: an election takes up to twice the
        election timeout, and a primary that cannot refresh its lease within ``retry_timeout`` becomes read-only; the next
        loop after the election makes it writable again (patroni.readthedocs.io, "DCS Failsafe Mode": what happens without it).
        """
        longest = 2 * self.election_s
        if not election or longest <= self.retry_timeout_s:
            return (0.0, 0.0)
        return (0.0, round(longest + self.loop_wait_s + RACE_S + ROUTING_S[1], 1))
