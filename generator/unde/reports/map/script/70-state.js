// What the reader has chosen: what is pinned, what is looked at, and the filters. A thing goes by "host:…", "tunnel:…" "site:…" or "link:…".

let pinned = null;
let looked = null;
const filter = { text: "", role: "", day: 0 };

const split = (thing) => (thing ? [thing.slice(0, thing.indexOf(":")), thing.slice(thing.indexOf(":") + 1)] : [null, null]);
const say = (text) => d3.select("#said").text(text);

function thingOf(element) {
  const holder = element?.closest?.("[data-host], [data-tunnel], [data-link], .sitehead");
  if (!holder) return null;
  if (holder.dataset.host) return `host:${holder.dataset.host}`;
  if (holder.dataset.tunnel) return `tunnel:${holder.dataset.tunnel}`;
  if (holder.dataset.link) return `link:${holder.dataset.link}`;
  return `site:${holder.closest(".site").dataset.site}`;
}

function elementOf(thing) {
  const [kind, name] = split(thing);
  if (kind === "host") return cardOf(name);
  if (kind === "tunnel") return lines.node().querySelector(`[data-tunnel="${CSS.escape(name)}"]`);
  if (kind === "link") return lines.node().querySelector(`[data-link="${CSS.escape(name)}"]`);
  return siteOf(name)?.querySelector(".sitehead");
}

// Show a host's flows while it is looked at.
function look(thing) {
  if (looked === thing) return;
  looked = thing;
  const [kind, name] = split(thing);
  const host = kind === "host" && thing !== pinned ? name : null;
  const out = host ? portsByPeer(flowsOf(host, "to")) : new Map();
  const into = host ? portsByPeer(flowsOf(host, "from")) : new Map();
  map.classed("looking", Boolean(host));
  map.selectAll(".host").classed("here", (each) => each.name === host).classed("out", (each) => out.has(each.name)).classed("in", (each) => into.has(each.name));
  map.selectAll(".party").classed("out", (each) => out.has(each.name)).classed("in", (each) => into.has(each.name));
  map.selectAll(".host .ports").each(function (each) {
    const cell = d3.select(this).text(null);
    const to = out.get(each.name);
    const from = into.get(each.name);
    if (to) cell.append("i").text(`→ ${[...to].join(" ")}`);
    if (to && from) cell.append("span").text(" ");
    if (from) cell.append("b").text(`← ${[...from].join(" ")}`);
  });
  drawFlows(host ? flowLines(host, out, into) : { rows: [], used: new Set(kind === "tunnel" ? [name] : []) });
  if (!pinned) showPanel(thing);
}

// Choose a thing: it is lost, and the map shows what follows. Null goes back.
function pin(thing) {
  pinned = thing;
  looked = undefined;
  look(thing ?? thingOf(document.activeElement));
  showLosing(thing);
  showPanel(pinned ?? looked);
  if (thing) say(lossOf(thing)?.sentence ?? split(thing)[1]);
}

function matches(host) {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const text = textOf(host);
  return words.every((word) => text.includes(word)) && (!filter.role || host.roles.includes(filter.role)) && (!filter.day || host.day <= filter.day);
}

function applyFilter() {
  const found = new Set(estate.hosts.filter(matches).map((host) => host.name));
  map.selectAll(".host").classed("faint", (host) => !found.has(host.name)).classed("today", (host) => filter.day !== 0 && host.day === filter.day);
  lines.selectAll(".tunnel").classed("faint", ({ tunnel }) => !found.has(tunnel.near) || !found.has(tunnel.far));
  const filtered = filter.text || filter.role || filter.day;
  const day = estate.days.find((each) => each.day === filter.day);
  const words = [];
  if (day) words.push(`Day ${day.day}: ${day.title} (${counted(estate.hosts.filter((host) => host.day === day.day).length, "host")}).`);
  if (filtered) words.push(found.size ? `${found.size} of ${counted(estate.hosts.length, "host")}${day ? " stand" : ""}` : "No host is like that");
  d3.select("#found").text(words.join(" "));
  return found;
}
