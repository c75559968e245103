// What is known: the estate's facts, by name, and the questions that the page asks of them.

const estate = JSON.parse(document.getElementById("estate").textContent);
const byName = (rows) => new Map(rows.map((row) => [row.name, row]));
const hosts = byName(estate.hosts);
const tunnels = byName(estate.tunnels);
const sites = byName(estate.sites);
const outside = byName(estate.outside);
const duties = byName(estate.duties);
const links = byName(estate.links);
const clusters = byName(estate.clusters);
const gateways = new Set(estate.sites.map((site) => site.gateway).filter((host) => hosts.has(host)));

const counted = (number, one, several = `${one}s`) => `${number} ${number === 1 ? one : several}`;
const euros = (value) => `€ ${value.toLocaleString("en", { minimumFractionDigits: Number.isInteger(value) ? 0 : 2, maximumFractionDigits: 2 })}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const tunnelsOf = (host) => estate.tunnels.filter((tunnel) => tunnel.near === host || tunnel.far === host);
const hostsOf = (site) => estate.hosts.filter((host) => host.site === site);
const linkOf = (one, other) => estate.links.find((link) => one !== other && link.between.includes(one) && link.between.includes(other)) ?? null;

// The short word on a host's card that makes a cluster recognisable.
function tagOf(host) {
  if (host.shard !== null) return `shard ${host.shard}`;
  if (host.duty === "vote") return "vote";
  return host.redis.join(" ");
}

// Rows {service, ports, protocol, peers}: whom a host calls (way "to") or who calls it (way "from").
function flowsOf(name, way) {
  const own = way === "to" ? "from" : "to";
  const rows = new Map();
  for (const connection of estate.connections) {
    if (!connection[own].includes(name)) continue;
    const peers = connection[way].filter((peer) => peer !== name && (hosts.has(peer) || outside.has(peer)));
    if (!peers.length) continue;
    const row = rows.get(connection.service) ?? { ...connection, peers: new Set() };
    peers.forEach((peer) => row.peers.add(peer));
    rows.set(connection.service, row);
  }
  return [...rows.values()];
}

// Peer → its ports (the protocol where a service has none of its own), in one way.
function portsByPeer(rows) {
  const found = new Map();
  for (const row of rows) {
    for (const peer of row.peers) found.set(peer, new Set([...(found.get(peer) ?? []), ...(row.ports.length ? row.ports : [row.protocol])]));
  }
  return found;
}

// The tunnels between two hosts: none within a site, a direct one, or those to the gateway.
function tunnelsBetween(one, other) {
  if (one.site === other.site) return [];
  const direct = tunnelsOf(one.name).find((tunnel) => tunnel.near === other.name || tunnel.far === other.name);
  if (direct) return [direct];
  const toGateway = (host) => tunnelsOf(host.name).find((tunnel) => gateways.has(tunnel.near === host.name ? tunnel.far : tunnel.near));
  return [one, other].filter((host) => !gateways.has(host.name)).map(toGateway).filter(Boolean);
}

// Everything that a reader may look for in a host, in lower case.
function textOf(host) {
  const tunnelWords = tunnelsOf(host.name).map((tunnel) => `${tunnel.name} ${tunnel.near === host.name ? tunnel.near_address : tunnel.far_address}`);
  return [
    host.name, host.label, host.site, host.address, host.public_address ?? "", host.type, host.state, duties.get(host.duty).title,
    ...host.roles, ...host.redis, ...host.listens.filter((each) => !each.everywhere).map((each) => `${each.service} :${each.ports.join(" :")}`), ...tunnelWords,
  ].join(" ").toLowerCase();
}
