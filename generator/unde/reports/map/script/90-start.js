// Light and dark, paper, and the first drawing.

const dark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");

function remembered(value) {
  try { // a page from disk may have no storage of its own
    if (value) localStorage.setItem("unde-map-theme", value);
    return localStorage.getItem("unde-map-theme");
  } catch {
    return value ?? null;
  }
}

function setTheme(theme) {
  root.attr("data-theme", theme);
  const now = theme ?? (dark.matches ? "dark" : "light");
  const other = now === "dark" ? "light" : "dark";
  d3.select("#theme").text(other === "dark" ? "Dark" : "Light").attr("aria-label", `Show in ${other} colours`).attr("data-to", other);
}

function setPaper() {
  if (paper.matches) {
    d3.select("#index").attr("open", "");
    if (!pinned) look(null);
  } else draw();
}

buildHead();
buildTips();
buildMap();
buildIndex();
listen();
setTheme(remembered());
d3.select("#theme").on("click", function () { setTheme(remembered(this.dataset.to) ?? this.dataset.to); });
dark.addEventListener("change", () => setTheme(remembered()));
paper.addEventListener("change", setPaper);
addEventListener("beforeprint", () => d3.select("#index").attr("open", ""));
const size = () => `${map.node().offsetWidth} × ${map.node().offsetHeight}`;
draw();
let drawn = size();
new ResizeObserver(() => {
  if (size() === drawn) return;
  draw();
  drawn = size();
}).observe(map.node());
stopAt(walkable()[0]);
pin(null);
