// What a loss does, as `unde survive` says it, and how it shows on the map.

const lossOf = (name) => estate.losses[name] ?? null;

function showLosing(thing) {
  const loss = lossOf(thing);
  const lost = new Set(loss?.lost);
  const cut = new Set(loss?.cut_off);
  const shards = new Map(loss?.shards.map((row) => [row.shard, row]));
  map.classed("losing", Boolean(loss));
  map.selectAll(".host").classed("struck", (host) => lost.has(host.name)).classed("stranded", (host) => cut.has(host.name))
    .classed("chosen", (host) => thing === `host:${host.name}`);
  map.selectAll(".host .effect").text((host) => {
    if (!loss) return "";
    if (lost.has(host.name)) return "lost";
    if (cut.has(host.name)) return "cut off";
    return shards.get(host.shard)?.state ?? "";
  });
  lines.selectAll(".tunnel").classed("struck", ({ tunnel }) => thing === `tunnel:${tunnel.name}` || lost.has(tunnel.near) || lost.has(tunnel.far));
}
