// What a loss does, as `unde survive` says it, and how it shows on the map.

const lossOf = (name) => estate.losses[name] ?? null;
const seconds = ([low, high]) => (low === high ? `${low} s` : `${low}–${high} s`);

// What a host that still runs does for its shard after a loss: nothing to say where nothing changes.
function effectOf(host, row) {
  if (!row || row.where !== host.name) return "";
  if (row.state !== "writable") return row.state;
  if (row.moved && body.classed("dense")) return `↑ ${seconds(row.rto_s)}`;
  return row.moved ? `leads in ${seconds(row.rto_s)}` : `pauses ≤ ${row.rto_s[1]} s`;
}

function showLosing(thing) {
  const loss = lossOf(thing);
  const lost = new Set(loss?.lost);
  const cut = new Set(loss?.cut_off);
  const shards = new Map(loss?.shards.flatMap((row) => clusters.get(row.name).members.map((member) => [member, row])));
  map.classed("losing", Boolean(loss));
  map.selectAll(".host").classed("struck", (host) => lost.has(host.name)).classed("stranded", (host) => cut.has(host.name))
    .classed("chosen", (host) => thing === `host:${host.name}`);
  map.selectAll(".host .effect").classed("good", (host) => !lost.has(host.name) && shards.get(host.name)?.state === "writable")
    .text((host) => (lost.has(host.name) ? "lost" : effectOf(host, shards.get(host.name)) || (cut.has(host.name) ? "cut off" : "")));
  map.selectAll(".sitehead").classed("struck", (site) => thing === `site:${site.name}`);
  const torn = ({ near, far }) => lost.has(near) || lost.has(far) || thing === linkBetween(near, far);
  lines.selectAll(".tunnel").classed("struck", ({ tunnel }) => thing === `tunnel:${tunnel.name}` || torn(tunnel));
  lines.selectAll(".distance").classed("struck", (link) => thing === `link:${link.name}`);
}

// The link that a tunnel between two hosts runs over.
function linkBetween(near, far) {
  const link = linkOf(hosts.get(near).site, hosts.get(far).site);
  return link && `link:${link.name}`;
}
