// The page's fixed parts, built once from the facts: head, sites with their hosts, corners, index.

const root = d3.select(document.documentElement);
const body = d3.select(document.body);
const map = d3.select("#map");
const lines = d3.select("#lines");
const panel = d3.select("#panel");

// Above so many hosts a card has one line.
const DENSE_FROM = 50;
// A quarter of more hosts may run on in the next column.
const LONG = 14;

const unpriced = estate.cost.lines.filter((line) => line.eur === null).length;

function buildHead() {
  d3.select("#title").text(estate.document.title);
  d3.select("#version").text(`Version ${estate.document.version}`);
  const figures = [
    [estate.hosts.length, estate.hosts.length === 1 ? "host" : "hosts", "hosts"],
    [estate.sites.length, estate.sites.length === 1 ? "site" : "sites", "sites"],
    [estate.tunnels.length, estate.tunnels.length === 1 ? "tunnel" : "tunnels", "tunnels"],
    [estate.shards, estate.shards === 1 ? "shard" : "shards", "shards"],
    [euros(estate.cost.total), unpriced ? `a month, ${unpriced} hosts without a price` : "a month", "cost"],
  ];
  const figure = d3.select("#counts").selectAll("div").data(figures).join("div").attr("data-count", (row) => row[2]);
  figure.append("dt").text((row) => row[1]);
  figure.append("dd").text((row) => row[0]);

  const roles = [...new Set(estate.hosts.flatMap((host) => host.roles))].sort();
  const holders = (role) => estate.hosts.filter((host) => host.roles.includes(role)).length;
  d3.select("#role").selectAll("option").data(["", ...roles]).join("option").attr("value", (role) => role)
    .text((role) => (role ? `${role} (${holders(role)})` : "Every role"));

  const phase = d3.select("#days").selectAll(".phase").data([{ phase: 0, title: "" }, ...estate.phases]).join("div").attr("class", "phase")
    .attr("title", (row) => (row.phase ? `Phase ${row.phase}: ${row.title}` : null));
  const day = phase.selectAll("label").data((row) => (row.phase ? estate.days.filter((each) => each.phase === row.phase) : [{ day: 0, title: "The whole estate" }]))
    .join("label").attr("title", (row) => row.title);
  day.append("input").attr("type", "radio").attr("name", "day").attr("value", (row) => row.day).property("checked", (row) => row.day === 0)
    .attr("aria-label", (row) => (row.day ? `Day ${row.day}: ${row.title}` : "All days"));
  day.append("span").text((row) => row.day || "All days");
}

function buildHost(selection) {
  selection.attr("type", "button").attr("tabindex", -1).attr("data-walk", "").attr("data-host", (host) => host.name)
    .attr("data-duty", (host) => host.duty).attr("data-state", (host) => host.state)
    .attr("aria-label", (host) => [
      host.name, duties.get(host.duty).title, host.shard === null ? null : `shard ${host.shard}, ${host.member}`, host.address,
      host.price_eur === null ? null : `${euros(host.price_eur)} a month`, host.state,
    ].filter(Boolean).join(", "));
  glyph(selection, (host) => host.duty);
  selection.append("span").attr("class", "label").text((host) => host.name);
  selection.append("span").attr("class", "tag").text(tagOf);
  selection.append("span").attr("class", "address").text((host) => host.address);
  selection.append("span").attr("class", "price").text((host) => (host.price_eur === null ? "" : euros(host.price_eur)));
  selection.append("span").attr("class", "ports").attr("aria-hidden", "true");
  selection.append("span").attr("class", "effect");
}

// West the site with most tunnels to call through, east the one where they end, the others in the south.
function places() {
  const order = [...estate.sites].sort((one, other) => hostsOf(other.name).length - hostsOf(one.name).length);
  const east = order.find((site) => site.gateway) ?? order[0];
  const west = order.find((site) => site !== east);
  return { west, east, south: order.filter((site) => site !== east && site !== west) };
}

function buildSite(selection) {
  selection.attr("class", (site) => `site ${site.place}`).attr("data-site", (site) => site.name).attr("aria-label", (site) => `Site ${site.name}`);
  const harbour = (site) => (site.place === "east" && site.gateway && places().west ? [hosts.get(site.gateway)] : []);
  const pier = selection.selectAll(".harbour").data(harbour).join("div").attr("class", "harbour quarter");
  pier.append("button").attr("class", "host").call(buildHost)
    .style("min-height", (host) => `${Math.max(42, 2.4 * tunnelsOf(host.name).length)}px`);
  const inland = selection.append("div").attr("class", "inland");
  const head = inland.append("button").attr("class", "sitehead").attr("type", "button").attr("tabindex", -1).attr("data-walk", "")
    .attr("aria-label", (site) => `Site ${site.name}, ${counted(hostsOf(site.name).length, "host")}. ${site.description}`);
  head.append("h2").text((site) => site.name);
  head.append("p").text((site) => `${counted(hostsOf(site.name).length, "host")} · ${site.networks.join(", ")}`);
  const quarter = inland.append("div").attr("class", "quarters").selectAll(".quarter")
    .data((site) => estate.duties.map((duty) => ({
      duty, hosts: hostsOf(site.name).filter((host) => host.duty === duty.name && !harbour(site).includes(host)),
    })).filter((row) => row.hosts.length))
    .join("div").attr("class", "quarter").classed("long", (row) => row.hosts.length > LONG).attr("data-duty", (row) => row.duty.name);
  quarter.append("h3").text((row) => row.duty.title);
  quarter.selectAll(".host").data((row) => row.hosts).join("button").attr("class", "host").call(buildHost);
}

function buildMap() {
  body.classed("dense", estate.hosts.length > DENSE_FROM);
  const { west, east, south } = places();
  const placed = (place) => (site) => Object.assign(site, { place });
  map.selectAll(".site").data([west, east].filter(Boolean).map((site) => placed(!west ? "sole" : site === west ? "west" : "east")(site))).join("section").call(buildSite);
  map.append("div").attr("class", "corner legend").call(buildLegend);
  map.append("div").attr("class", "far").selectAll(".site").data(south.map(placed("remote"))).join("section").call(buildSite);
  if (!estate.outside.length) return;
  const corner = map.append("section").attr("class", "corner outside").attr("aria-label", "Outside the estate");
  corner.append("h2").text("Outside the estate");
  corner.append("ul").selectAll("li").data(estate.outside).join("li").append("span").attr("class", "party").attr("data-party", (party) => party.name)
    .attr("title", (party) => party.what).text((party) => party.name);
}

function buildLegend(corner) {
  corner.append("h2").text("Legend");
  const list = corner.append("ul");
  const used = estate.duties.filter((duty) => estate.hosts.some((host) => host.duty === duty.name));
  const entry = list.selectAll("li").data(used).join("li");
  glyph(entry, (duty) => duty.name);
  entry.append("span").text((duty) => duty.title);
  const states = [["create", "to be built"], ["deployed", "deployed"], ["running", "serves customers"]];
  for (const [state, text] of states) {
    const item = list.append("li").datum(state);
    glyph(item, "service").classed(state, true).attr("data-duty", "other");
    item.append("span").text(text);
  }
  for (const gb of [0.1, 10]) {
    const item = list.append("li");
    item.append("svg").attr("aria-hidden", "true").append("path").attr("class", "stroke").attr("d", "M0,8H22").attr("stroke-width", widthOf(gb));
    item.append("span").text(`tunnel, ${gb} GB a day`);
  }
}

// The same facts as a table: to read, to search with the browser, to print.
function buildIndex() {
  const columns = [
    ["Host", "host"], ["Site"], ["Address"], ["Public"], ["Type"], ["vCPU", "number"], ["RAM, GB", "number"], ["Day", "number"], ["State"],
    ["€ a month", "number"], ["If it is lost"],
  ];
  const table = d3.select("#index table");
  table.append("thead").append("tr").selectAll("th").data(columns).join("th").attr("scope", "col").text((column) => column[0]);
  const row = table.append("tbody").selectAll("tr").data(estate.hosts).join("tr");
  row.append("th").attr("scope", "row").text((host) => host.name);
  const cells = (host) => [
    host.site, host.address, host.public_address ?? "–", host.type, host.vcpu, host.ram_gb, host.day, host.state,
    host.price_eur === null ? "–" : host.price_eur.toFixed(2), lossOf(`host:${host.name}`)?.sentence ?? "–",
  ];
  row.selectAll("td").data(cells).join("td").text((value) => value)
    .attr("class", (value, index) => (columns[index + 1][1] === "number" ? "number" : index < 3 ? "plain" : null));
  const foot = table.append("tfoot").append("tr");
  foot.append("th").attr("scope", "row").text("Total");
  foot.append("td").attr("colspan", 8).text("hosts and other costs together, where a price is known");
  foot.append("td").attr("class", "number").text(estate.cost.total.toFixed(2));
  foot.append("td");
}
