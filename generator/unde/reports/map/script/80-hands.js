// Mouse, touch and keys. The map is one stop of the tab order; arrows walk from thing to thing.

const walkable = () => [...map.node().querySelectorAll("[data-walk]")].filter((element) => !element.classList.contains("faint") && element.getClientRects().length);

function stopAt(element) {
  map.selectAll("[data-walk]").attr("tabindex", -1);
  element?.setAttribute("tabindex", "0");
}

// A tunnel's place is its name on the sea; any other thing's is its middle.
const spot = (element) => boxOf(element.querySelector?.("text") ?? element);

// The nearest thing in a direction; what lies aside counts double.
function neighbour(from, key) {
  const here = spot(from);
  const along = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  let best = { far: Infinity, element: null };
  for (const element of walkable()) {
    const there = spot(element);
    const [x, y] = [there.x - here.x, there.y - here.y];
    const ahead = x * along[0] + y * along[1];
    const aside = Math.abs(x * along[1]) + Math.abs(y * along[0]);
    if (element === from || ahead < 3 || aside > 3 * ahead) continue;
    if (ahead + 2 * aside < best.far) best = { far: ahead + 2 * aside, element };
  }
  return best.element;
}

function walk(event) {
  const here = document.activeElement;
  if (!here?.hasAttribute?.("data-walk")) return;
  const everything = walkable();
  const target = event.key === "Home" ? everything[0] : event.key === "End" ? everything.at(-1) : event.key.startsWith("Arrow") ? neighbour(here, event.key) : null;
  if (target) target.focus();
  if (target || event.key.startsWith("Arrow")) event.preventDefault();
  if ((event.key === "Enter" || event.key === " ") && here.tagName !== "BUTTON") {
    event.preventDefault();
    choose(thingOf(here));
  }
}

const choose = (thing) => pin(thing === pinned ? null : thing);

function escape() {
  if (pinned) {
    const back = elementOf(pinned);
    pin(null);
    if (panel.node().contains(document.activeElement) || document.activeElement === document.body) back?.focus();
  } else if (filter.text || filter.role || filter.day) {
    Object.assign(filter, { text: "", role: "", day: 0 });
    d3.select("#search").property("value", "");
    d3.select("#role").property("value", "");
    d3.selectAll("#days input").property("checked", (row) => row.day === 0);
    applyFilter();
  } else look(null);
}

function listen() {
  map.on("pointerover", (event) => { if (event.pointerType === "mouse") look(thingOf(event.target)); })
    .on("pointerleave", () => look(thingOf(document.activeElement)))
    .on("focusin", (event) => { if (event.target.hasAttribute("data-walk")) { stopAt(event.target); look(thingOf(event.target)); } })
    .on("focusout", () => look(null))
    .on("click", (event) => { const thing = thingOf(event.target); if (thing) choose(thing); else if (pinned) pin(null); })
    .on("keydown", walk);
  panel.on("click", (event) => {
    const target = event.target.closest("[data-go], [data-close], [data-cluster]");
    if (target?.dataset.go) {
      pin(target.dataset.go);
      elementOf(pinned).focus();
    } else if (target && "close" in target.dataset) escape();
  });
  const members = (event) => {
    const name = event.type === "pointerout" || event.type === "focusout" ? null : event.target.closest("[data-cluster]")?.dataset.cluster;
    const cluster = estate.clusters.find((each) => each.name === name);
    map.selectAll(".host").classed("member", (host) => Boolean(cluster?.members.includes(host.name)));
  };
  panel.on("pointerover", members).on("pointerout", members).on("focusin", members).on("focusout", members);
  d3.select("#search").on("input", function () { filter.text = this.value; applyFilter(); }).on("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    walkable().find((element) => element.classList.contains("host"))?.focus();
  });
  d3.select("#role").on("change", function () { filter.role = this.value; applyFilter(); });
  d3.select("#days").on("change", (event) => { filter.day = Number(event.target.value); applyFilter(); });
  d3.select("#print").on("click", () => print());
  d3.select(window).on("keydown", (event) => {
    if (event.key === "Escape") escape();
    else if (event.key === "/" && !/^(INPUT|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      d3.select("#search").node().focus();
    }
  });
}
