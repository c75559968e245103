// The panel: the estate as a whole, or one host, tunnel or site with its flows and what its loss does.

const go = (selection, name) => selection.append("button").attr("type", "button").attr("class", "go").attr("data-go", name).text(name.slice(name.indexOf(":") + 1));
const section = (title) => panel.append("section").call((made) => made.append("h3").text(title));

function heading(title, duty) {
  if (pinned) panel.append("button").attr("class", "close").attr("type", "button").attr("data-close", "").attr("aria-label", "Close").text("✕");
  const head = panel.append("h2");
  if (duty) glyph(head, duty);
  head.append("span").text(title);
}

function facts(rows, place = panel) {
  const list = place.append("dl").attr("class", "facts");
  for (const [term, value] of rows) {
    if (value === null || value === "") continue;
    list.append("dt").text(term);
    list.append("dd").text(value);
  }
}

function flowList(title, kind, rows) {
  if (!rows.length) return;
  const item = section(title).append("ul").attr("class", `flows ${kind}`).selectAll("li").data(rows).join("li");
  item.append("span").text((row) => row.service);
  item.append("span").attr("class", "ports").text((row) => (row.ports.length ? `${row.protocol} ${row.ports.join(", ")}` : row.protocol));
  item.append("span").attr("class", "peers").each(function (row) {
    const peers = [...row.peers];
    const shown = peers.length > 8 ? peers.slice(0, 6) : peers;
    shown.forEach((peer, index) => {
      if (index) d3.select(this).append("span").text(", ");
      if (hosts.has(peer)) go(d3.select(this), `host:${peer}`);
      else d3.select(this).append("span").text(peer);
    });
    if (shown.length < peers.length) d3.select(this).append("span").text(` and ${peers.length - shown.length} more`).attr("title", peers.slice(6).join(", "));
  });
}

function showHost(host) {
  heading(host.name, host.duty);
  panel.append("p").attr("class", "lead").text(`${duties.get(host.duty).title}, ${host.site}${host.shard === null ? "" : `; begins as ${host.member} of shard ${host.shard}`}`);
  showLoss(`host:${host.name}`);
  facts([
    ["Address", host.address], ["Public", host.public_address ?? "to be filled in"], ["Machine", host.type],
    ["Size", `${host.vcpu} vCPU, ${host.ram_gb} GB, disk ${host.disk_gb} GB`],
    ["Cost", host.price_eur === null ? "no price known, or paid already" : `${euros(host.price_eur)} a month`],
    ["State", `${host.state}, day ${host.day}`], ["Label", host.label], ["Roles", host.roles.join(", ")],
  ]);
  flowList("Talks to", "calls", flowsOf(host.name, "to"));
  flowList("Is called by", "callers", flowsOf(host.name, "from"));
  const own = tunnelsOf(host.name);
  if (own.length) tunnelList(own.length === 1 ? "Tunnel" : "Tunnels", own);
}

function tunnelList(title, rows) {
  const item = section(title).append("ul").attr("class", "flows").selectAll("li").data(rows).join("li");
  item.each(function (tunnel) { go(d3.select(this), `tunnel:${tunnel.name}`); });
  item.append("span").attr("class", "soft").text((tunnel) => `${tunnel.rtt_ms} ms, udp ${tunnel.port}`);
}

function showTunnel(tunnel) {
  heading(tunnel.name, hosts.get(tunnel.near).duty);
  panel.append("p").attr("class", "lead").text(tunnel.purpose);
  showLoss(`tunnel:${tunnel.name}`);
  facts([
    ["From", `${tunnel.near}, ${tunnel.near_address}`], ["To", `${tunnel.far}, ${tunnel.far_address}`], ["Listens at", `udp ${tunnel.port}`],
    ["Round trip", `${tunnel.rtt_ms} ms`], ["Expected", tunnel.gb_day === null ? null : `${tunnel.gb_day} GB a day`],
  ]);
  const ends = section("Ends").append("ul");
  for (const end of [tunnel.near, tunnel.far]) go(ends.append("li"), `host:${end}`);
}

function showSite(site) {
  heading(site.name);
  panel.append("p").attr("class", "lead").text(site.description);
  showLoss(`site:${site.name}`);
  const there = hostsOf(site.name);
  facts([
    ["Hosts", there.length], ["Networks", site.networks.join(", ")], ["Provider", site.provider], ["Gateway", site.gateway],
    ["Cost", `${euros(sum(there.map((host) => host.price_eur ?? 0)))} a month`],
  ]);
  const ways = estate.links.filter((link) => link.between.includes(site.name));
  if (!ways.length) return;
  const item = section("Links").append("ul").attr("class", "flows").selectAll("li").data(ways).join("li");
  item.each(function (link) { go(d3.select(this), `link:${link.name}`).text(`to ${link.between.find((name) => name !== site.name)}`); });
  item.append("span").attr("class", "soft").text((link) => `${link.rtt_ms} ms`);
}

function showLink(link) {
  heading(link.between.join(" to "));
  panel.append("p").attr("class", "lead").text(`The way between two sites, ${link.rtt_ms} ms round trip`);
  showLoss(`link:${link.name}`);
  const over = estate.tunnels.filter((tunnel) => linkBetween(tunnel.near, tunnel.far) === `link:${link.name}`);
  if (over.length) tunnelList("Tunnels over it", over);
}

const CLUSTERS = { etcd: ["etcd", "vote"], patroni: ["Patroni", "shard"], redis: ["Redis", "cache"] };

function showEstate() {
  heading("The estate");
  panel.append("p").attr("class", "lead hint").text("Point at a host to see who it talks to. Click it, a tunnel or a site’s name to lose it and see what follows.");
  const kinds = [...new Set(estate.clusters.map((cluster) => cluster.kind))];
  const row = section("Clusters").append("ul").attr("class", "clusters").selectAll("li").data(kinds).join("li");
  glyph(row, (kind) => CLUSTERS[kind]?.[1] ?? "other");
  row.append("span").text((kind) => CLUSTERS[kind]?.[0] ?? kind);
  row.append("div").selectAll("button").data((kind) => estate.clusters.filter((cluster) => cluster.kind === kind)).join("button")
    .attr("type", "button").attr("data-cluster", (cluster) => cluster.name).text((cluster) => cluster.name)
    .attr("title", (cluster) => cluster.members.join(", ")).attr("aria-label", (cluster) => `${cluster.name}: ${cluster.members.join(", ")}`);

  const places = new Map();
  for (const line of estate.cost.lines) {
    const place = places.get(line.where) ?? { where: line.where, eur: 0, unpriced: 0 };
    place.eur += line.eur ?? 0;
    place.unpriced += line.eur === null ? 1 : 0;
    places.set(line.where, place);
  }
  const item = section("Cost a month").append("ul").attr("class", "bars").selectAll("li").data([...places.values()]).join("li");
  item.append("span").text((place) => place.where + (place.unpriced ? `, ${place.unpriced} without a price` : ""));
  item.append("span").text((place) => euros(place.eur));
  item.append("span").attr("class", "bar").append("span").style("width", (place) => `${estate.cost.total ? (100 * place.eur) / estate.cost.total : 0}%`);
}

function showLoss(name) {
  const loss = lossOf(name);
  if (!loss) return;
  const verdict = panel.append("section").attr("class", `verdict ${loss.level}`);
  verdict.append("h3").text("If it is lost");
  verdict.append("p").attr("class", "sentence").text(loss.sentence);
  const rows = [
    ["etcd", `${loss.votes.join(" of ")} votes, ${loss.quorum ? "a quorum" : "no quorum"}`],
    ["Writes", loss.rto_s === null ? "stop until it is mended" : loss.rto_s[1] ? `stop for ${seconds(loss.rto_s)}` : "go on"],
    ["Slower by", loss.added_latency_ms ? `${loss.added_latency_ms} ms a round trip` : null],
  ];
  facts(rows, verdict);
}

function showPanel(thing) {
  panel.selectAll("*").remove();
  panel.classed("pinned", Boolean(pinned));
  const [kind, name] = split(thing);
  if (kind === "host") showHost(hosts.get(name));
  else if (kind === "tunnel") showTunnel(tunnels.get(name));
  else if (kind === "site") showSite(sites.get(name));
  else if (kind === "link") showLink(links.get(name));
  else showEstate();
}
