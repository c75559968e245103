// Tunnels from coast to coast, drawn anew whenever the map's size changes; flows of the host that is looked at.

const PORT_GAP = 13; // px between two tunnels on a coast, so that their names do not touch
// Thinner where there are many, so that they still part before the gateway.
const THINNER = Math.min(1, Math.max(0.5, 16 / estate.tunnels.length));
const widthOf = (gb) => 1.1 + 0.95 * THINNER * Math.sqrt(gb ?? 0);

// An element's box in the map's own coordinates.
function boxOf(element) {
  const frame = map.node().getBoundingClientRect();
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return {
    left: left - frame.left, right: right - frame.left, top: top - frame.top, bottom: bottom - frame.top,
    x: (left + right) / 2 - frame.left, y: (top + bottom) / 2 - frame.top,
  };
}
const cardOf = (name) => map.node().querySelector(`[data-host="${CSS.escape(name)}"]`);
const partyOf = (name) => map.node().querySelector(`[data-party="${CSS.escape(name)}"]`);
const siteOf = (name) => map.node().querySelector(`[data-site="${CSS.escape(name)}"]`);

// Where a tunnel leaves a host's site towards another: the side, the place on the coast, and the card it belongs to.
function anchor(name, other) {
  const card = boxOf(cardOf(name));
  const land = boxOf(siteOf(hosts.get(name).site));
  const far = boxOf(siteOf(hosts.get(other).site));
  const site = hosts.get(name).site;
  if (land.top >= far.bottom) return { name, site, side: "top", card, x: card.x, y: Math.min(land.top, card.top), dx: 0, dy: -1 };
  if (land.right <= far.left || far.top >= land.bottom && land.x < map.node().clientWidth / 2) {
    return { name, site, side: "right", card, x: Math.max(land.right, card.right), y: card.y, dx: 1, dy: 0 };
  }
  return { name, site, side: "left", card, x: Math.min(land.left, card.left), y: card.y, dx: -1, dy: 0 };
}

// Move the anchors on one coast apart, as little as possible, in their order.
function spread(anchors, axis, gap) {
  anchors.sort((one, other) => one[axis] - other[axis] || one.towards - other.towards);
  const wanted = anchors.map((each) => each[axis]);
  for (let round = 0; round < 60; round += 1) {
    let moved = false;
    for (let index = 1; index < anchors.length; index += 1) {
      const lack = gap - (anchors[index][axis] - anchors[index - 1][axis]);
      if (lack > 0.01) {
        anchors[index - 1][axis] -= lack / 2;
        anchors[index][axis] += lack / 2;
        moved = true;
      }
    }
    if (!moved) break;
  }
  anchors.forEach((each, index) => Object.assign(each, { wanted: wanted[index], first: index === 0 }));
}

function anchors() {
  const ends = estate.tunnels.map((tunnel) => ({ tunnel, near: anchor(tunnel.near, tunnel.far), far: anchor(tunnel.far, tunnel.near) }));
  const coasts = new Map();
  for (const { near, far } of ends) {
    for (const [one, other] of [[near, far], [far, near]]) {
      one.towards = other.y;
      const key = gateways.has(one.name) ? `${one.name} ${one.side}` : `${one.site} ${one.side}`;
      coasts.set(key, [...(coasts.get(key) ?? []), one]);
    }
  }
  for (const coast of coasts.values()) {
    const [first] = coast;
    if (gateways.has(first.name)) {
      coast.sort((one, other) => one.towards - other.towards);
      const room = first.card.bottom - first.card.top - 10;
      coast.forEach((each, index) => { each.y = first.card.top + 5 + (room * (index + 0.5)) / coast.length; each.wanted = each.y; });
    } else {
      spread(coast, first.dx ? "y" : "x", first.dx ? PORT_GAP : PORT_GAP * 2);
    }
  }
  // Straight past the names, then over the sea.
  const { west, east } = places();
  const strait = west ? boxOf(siteOf(east.name)).left - boxOf(siteOf(west.name)).right : 0;
  const longest = Math.max(0, ...ends.map(({ tunnel }) => tunnel.name.length));
  for (const { near } of ends) near.lead = near.dx ? Math.min(0.4 * strait, 20 + 5.8 * longest) : 0;
  return ends;
}

// From a card beneath the land to its port, over the sea, and to the other card (a site in the south has its ports on its own coast).
function course({ near, far }) {
  const path = d3.path();
  const start = near.x + near.dx * near.lead;
  const reach = 0.5 * Math.max(Math.abs(far.x - start), 0.4 * Math.abs(far.y - near.y));
  path.moveTo(near.x, near.y);
  if (near.dx) {
    path.moveTo(near.dx > 0 ? near.card.right : near.card.left, near.wanted);
    path.bezierCurveTo(near.x - near.dx * 12, near.wanted, near.x - near.dx * 12, near.y, near.x, near.y);
  }
  path.lineTo(start, near.y);
  path.bezierCurveTo(start + near.dx * reach, near.y + near.dy * reach, far.x + far.dx * reach, far.y + far.dy * reach, far.x, far.y);
  if (far.dx) path.lineTo(far.dx > 0 ? far.card.right : far.card.left, far.wanted);
  return path.toString();
}

function tunnelLabel({ tunnel, near }) {
  const { west, east } = places();
  const between = [hosts.get(tunnel.near).site, hosts.get(tunnel.far).site];
  const main = west && between.includes(west.name) && between.includes(east.name);
  const text = main ? tunnel.name : `${tunnel.name} · ${tunnel.rtt_ms} ms`;
  if (near.side === "top") return { text, x: near.x + (near.first ? -9 : 9), y: near.y - 18, anchor: near.first ? "end" : "start" };
  return { text, x: near.x + near.dx * 17, y: near.y - 4.5, anchor: near.dx > 0 ? "start" : "end" };
}

// The distance between the two large sites, as a map would give it.
function drawDistance() {
  const { west, east } = places();
  const link = west && linkOf(west.name, east.name);
  const group = lines.selectAll(".distance").data(link ? [link] : []).join((enter) => {
    const made = enter.append("g").attr("class", "distance").attr("role", "button").attr("tabindex", -1).attr("data-walk", "")
      .attr("data-link", (each) => each.name).attr("aria-label", (each) => `Link ${each.between.join(" to ")}, ${each.rtt_ms} ms round trip`);
    made.append("path");
    made.append("path").attr("class", "hit");
    made.append("text");
    return made;
  });
  if (!link) return;
  const from = boxOf(siteOf(west.name));
  const to = boxOf(siteOf(east.name));
  const [left, right, y] = [from.right + 20, to.left - 20, from.top + 16];
  group.selectAll("path").attr("d", `M${left},${y - 5}v10M${right},${y - 5}v10M${left},${y}H${right}`);
  group.select("text").attr("x", (left + right) / 2).attr("y", y + 4).text((each) => `${each.rtt_ms} ms`);
}

function drawTunnels() {
  const ends = anchors();
  const group = lines.selectAll(".tunnel").data(ends, (end) => end.tunnel.name).join((enter) => {
    const made = enter.append("g").attr("class", "tunnel").attr("role", "button").attr("tabindex", -1).attr("data-walk", "")
      .attr("data-tunnel", (end) => end.tunnel.name).attr("data-duty", (end) => hosts.get(end.tunnel.near).duty)
      .attr("aria-label", ({ tunnel }) => `Tunnel ${tunnel.name}, ${tunnel.near} to ${tunnel.far}, ${tunnel.rtt_ms} ms, UDP port ${tunnel.port}`);
    made.append("path").attr("class", "line").attr("stroke-width", (end) => widthOf(end.tunnel.gb_day));
    made.append("path").attr("class", "hit");
    made.append("text");
    made.selectAll("circle").data((end) => [end, end]).join("circle").attr("r", 2.5);
    return made;
  });
  group.selectAll("path").attr("d", function () { return course(d3.select(this.parentNode).datum()); });
  group.each(function (end) {
    const label = tunnelLabel(end);
    d3.select(this).selectAll("circle").data([end.near, end.far]).attr("cx", (port) => port.x).attr("cy", (port) => port.y);
    d3.select(this).select("text").attr("x", label.x).attr("y", label.y).attr("text-anchor", label.anchor).text(label.text);
  });
}

// A curve between two cards: from the sides that face each other, or bowed where they stand in one column.
function arc(from, to) {
  const path = d3.path();
  if (from.right <= to.left || to.right <= from.left) {
    const way = from.right <= to.left ? 1 : -1;
    const [x0, x1] = way > 0 ? [from.right, to.left - 5] : [from.left, to.right + 5];
    const bend = Math.max(14, Math.abs(x1 - x0) / 2);
    path.moveTo(x0, from.y);
    path.bezierCurveTo(x0 + way * bend, from.y, x1 - way * bend, to.y, x1, to.y);
  } else {
    const bend = 10 + Math.min(22, Math.abs(to.y - from.y) / 12);
    const x = Math.max(from.right, to.right);
    path.moveTo(from.right, from.y);
    path.bezierCurveTo(x + bend, from.y, x + bend, to.y, to.right + 5, to.y);
  }
  return path.toString();
}

// The lines of a host's flows: within a site from card to card; to another site by the tunnels, then on from the gateway.
function flowLines(name, out, into) {
  const rows = [];
  const used = new Set();
  const add = (way, from, to) => { if (from !== to) rows.push({ way, d: arc(boxOf(from), boxOf(to)) }); };
  const here = hosts.get(name);
  for (const [way, peers] of [["out", out], ["in", into]]) {
    for (const peer of peers.keys()) {
      const other = hosts.get(peer);
      const step = (one, two) => (way === "out" ? add(way, one, two) : add(way, two, one));
      if (!other) step(cardOf(name), partyOf(peer));
      else if (other.site === here.site) step(cardOf(name), cardOf(peer));
      else {
        const carried = tunnelsBetween(here, other);
        carried.forEach((tunnel) => used.add(tunnel.name));
        const ends = new Set(carried.flatMap((tunnel) => [tunnel.near, tunnel.far]));
        const hop = [...ends].find((end) => gateways.has(end));
        if (hop && !ends.has(peer)) step(cardOf(hop), cardOf(peer));
        if (hop && !ends.has(name)) step(cardOf(name), cardOf(hop));
      }
    }
  }
  return { rows: [...new Map(rows.map((row) => [row.way + row.d, row])).values()], used };
}

function drawFlows({ rows, used }) {
  lines.selectAll(".flow").data(rows).join((enter) => enter.insert("path", ".distance")).attr("class", (row) => `flow ${row.way}`)
    .attr("d", (row) => row.d).attr("marker-end", (row) => `url(#tip-${row.way})`);
  lines.selectAll(".tunnel").classed("used", (end) => used.has(end.tunnel.name));
}

function buildTips() {
  const tip = lines.append("defs").selectAll("marker").data(["out", "in"]).join("marker").attr("id", (way) => `tip-${way}`).attr("class", (way) => way)
    .attr("viewBox", "0 -4 8 8").attr("refX", 5).attr("markerWidth", 8).attr("markerHeight", 8).attr("markerUnits", "userSpaceOnUse").attr("orient", "auto");
  tip.append("path").attr("d", "M0,-3.5L7,0L0,3.5Z");
}

// The height at which another column is worth its width, px.
const HIGH_ENOUGH = 620;

// How many columns each of two sites gets out of so many: the fewest that make both low enough, else those that make the higher one lowest.
function sharesOf(heights, room) {
  if (heights.length === 1) return [Math.min(room, Math.ceil(heights[0] / HIGH_ENOUGH))];
  const shares = [];
  for (let one = 1; one < room; one += 1) {
    for (let other = 1; one + other <= room; other += 1) shares.push([one, other]);
  }
  const high = (share) => Math.max(...share.map((columns, index) => heights[index] / columns));
  const rank = (share) => (high(share) <= HIGH_ENOUGH ? share[0] + share[1] : 1000 + high(share));
  return shares.sort((one, other) => rank(one) - rank(other) || high(one) - high(other))[0];
}

function setColumns() {
  const width = map.node().clientWidth;
  const stacked = width < 860;
  body.classed("stacked", stacked);
  const font = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const { west, east } = places();
  const large = [west, east].filter(Boolean);
  const [card, gap, rim] = [(width < 1100 ? 11.2 : width < 1450 ? 12.4 : 13.6) * font, 0.9 * font, 2 * font];
  const strait = west ? Math.max(160, 0.2 * width) : 0;
  const harbour = west && east.gateway ? 6 * font : 0;
  const room = Math.max(large.length, Math.floor((width - 4 * font - strait - harbour - large.length * (rim - gap)) / (card + gap)));
  const [row, head] = body.classed("dense") ? [32, 28] : [46, 30];
  const heights = large.map((site) => row * hostsOf(site.name).length + head * new Set(hostsOf(site.name).map((host) => host.duty)).size);
  const shares = sharesOf(heights, room);
  const narrow = Math.max(1, Math.floor((width - 4 * font) / (9.4 * font)));
  map.selectAll(".site").each(function (site) {
    const columns = stacked ? narrow : (shares[large.indexOf(site)] ?? 1);
    this.style.setProperty("--columns", Math.min(columns, Math.max(1, hostsOf(site.name).length)));
    this.style.setProperty("--card-width", `${card}px`);
  });
}

// What an A4 sheet leaves for the map, px wide and high: upright it holds the head and the panel too, lying the head.
const SHEETS = { lying: [1045, 640], upright: [715, 790] };

function draw() {
  if (matchMedia("print").matches) return;
  setColumns();
  const { offsetWidth: width, offsetHeight: height } = map.node();
  const zoom = ([wide, high]) => Math.min(1, wide / width, high / height);
  const upright = zoom(SHEETS.upright) > zoom(SHEETS.lying);
  root.classed("upright", upright).style("--map-width", `${width}px`).style("--map-zoom", zoom(upright ? SHEETS.upright : SHEETS.lying).toFixed(4));
  drawTunnels();
  drawDistance();
}
