"""The map as a reader meets it: opened from disk in Chromium, without any network."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import support
from unde import survive
from unde.model import Estate
from unde.reports import map as report

WIDTHS = (1280, 1920)
PHONE = (390, 844)
SHARDS = {"shipped": 1, "grown": 25}  #: 31 and 79 hosts
HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">&amp;'\""

#: Boxes of visible elements, as [left, top, right, bottom], and whether their text is cut.
BOXES = """selector => [...document.querySelectorAll(selector)].filter(each => each.getClientRects().length).map(each => {
  const box = each.getBoundingClientRect();
  return {text: each.textContent, box: [box.left, box.top, box.right, box.bottom], cut: each.scrollWidth > each.clientWidth + 1};
})"""

#: The contrast of every kind of text with what is behind it, by the formula of WCAG 2.2 ("relative luminance").
CONTRASTS = """selectors => selectors.flatMap(selector => [...document.querySelectorAll(selector)])
.filter(each => each.getClientRects().length && [...each.childNodes].some(child => child.nodeType === 3)).map(each => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => rgba(colour).slice(0, 3).map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  let behind = each;
  while (behind && rgba(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
  const style = getComputedStyle(each);
  const pair = [light(each.namespaceURI.includes('svg') ? style.fill : style.color), light(getComputedStyle(behind ?? document.body).backgroundColor)];
  return {text: `${each.className.baseVal ?? each.className} ${each.textContent}`, ratio: (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)};
})"""


@dataclass
class Reader:
    """A browser with one map open, and everything that it asked for or complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def boxes(self, selector: str) -> list[dict[str, Any]]:
        """Return the boxes of visible elements."""
        return self.page.evaluate(BOXES, selector)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of visible elements."""
        return [box["text"] for box in self.boxes(selector)]

    def focused(self) -> str | None:
        """Return the name of what has the focus."""
        return self.page.evaluate("Object.values({...document.activeElement.dataset}).find(Boolean) ?? document.activeElement.id")


Open = Callable[..., Reader]


@pytest.fixture(scope="module")
def browser() -> Iterator[Reader]:
    """Start Debian's Chromium (as root it has no sandbox), the network blocked; note every request and every complaint."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: scripts/bootstrap installs it"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        reader = Reader(started.new_context(offline=True).new_page())
        reader.page.on("request", lambda request: reader.requests.append(request.url))
        reader.page.on("console", lambda message: reader.complaints.append(message.text) if message.type in ("error", "warning") else None)
        reader.page.on("pageerror", lambda error: reader.complaints.append(str(error)))
        yield reader
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the pages of the shipped estate and of the grown one."""
    folder = tmp_path_factory.mktemp("map")
    written = {}
    for name, count in SHARDS.items():
        estate = support.estate({"shards": {"count": count}})
        written[name] = folder / f"{name}.html"
        written[name].write_text(report.page(estate, survive.every(estate)), encoding="utf-8")
    return written


@pytest.fixture
def opened(browser: Reader) -> Iterator[Open]:
    """Return a function that opens a page from disk; at the end of the test nothing may have been asked for or complained about."""
    files: list[Path] = []

    def open_(file: Path, width: int = 1280, height: int = 900, theme: Any = "light") -> Reader:
        browser.page.set_viewport_size({"width": width, "height": height})
        browser.page.emulate_media(color_scheme=theme, media="screen")
        browser.page.mouse.move(0, 0)
        browser.page.goto(file.as_uri())
        files.append(file)
        return browser

    browser.requests.clear()
    browser.complaints.clear()
    yield open_
    assert browser.complaints == []
    assert browser.requests == [file.as_uri() for file in files]


@pytest.fixture
def reader(opened: Open, pages: dict[str, Path]) -> Reader:
    """Open the shipped estate's map."""
    return opened(pages["shipped"])


def test_the_whole_estate_is_there(reader: Reader, estate: Estate) -> None:
    """Every host, tunnel, site and cluster, the counts and the cost."""
    assert sorted(reader.texts("#map .host .label")) == sorted(estate.hosts)
    assert {text.split(" ")[0] for text in reader.texts("#lines .tunnel text")} == set(estate.tunnels)
    assert sorted(reader.texts(".sitehead h2")) == sorted(estate.layout.sites)
    assert reader.page.locator("#lines .distance").text_content() == "120 ms"
    assert {"unde", "shard0", "cache", "limits", "broker"} <= set(reader.texts("#panel [data-cluster]"))
    counts = reader.page.locator("#counts").inner_text()
    assert all(figure in counts for figure in (str(len(estate.hosts)), str(len(estate.tunnels)), "€ 297.40"))
    assert "€ 36.70" in reader.page.locator("[data-host=embedder]").inner_text()


@pytest.mark.parametrize("which", SHARDS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_label_meets_another(opened: Open, pages: dict[str, Path], which: str, width: int) -> None:
    """No two names touch, none is cut, and the page is never wider than the window."""
    reader = opened(pages[which], width)
    names = reader.boxes("#map .host .label")
    assert len(names) == (31 if which == "shipped" else 79)
    assert [name["text"] for name in names if name["cut"]] == []
    labels = [*names, *reader.boxes("#lines text"), *reader.boxes(".sitehead h2, .quarter h3, .party, .legend span")]
    assert overlapping(labels) == []
    assert overlapping(reader.boxes("#map .host")) == []
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width


def overlapping(boxes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the pairs of boxes that cover each other by more than the thickness of a line."""

    def cover(one: list[float], other: list[float]) -> bool:
        return min(one[2], other[2]) - max(one[0], other[0]) > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 1

    return [(one["text"], other["text"]) for one, other in combinations(boxes, 2) if cover(one["box"], other["box"])]


def test_a_phone(opened: Open, pages: dict[str, Path]) -> None:
    """On a phone the sites stand below each other, nothing is wider than the screen, and a host still opens."""
    reader = opened(pages["shipped"], *PHONE)
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert overlapping(reader.boxes("#map .host")) == []
    reader.page.click("[data-host=local-redis]")
    assert reader.page.locator("#panel .verdict").is_visible()


def test_search(reader: Reader) -> None:
    """A host is found by name, role, address, public address, service and tunnel; what is not, is said."""
    for text, wanted in {
        "tryon": {"tryon-service"}, "10.2.0.17": {"local-orchestrator"}, "65.109.162.92": {"etcd-2"}, "grafana": {"monitoring"},
        "reranker 8002": {"llm-reranker"}, "wg-voice": {"local-voice", "helsinki-gw"}, "tryon 10.2.0.17": set(),
    }.items():
        reader.page.fill("#search", text)
        assert set(reader.texts("#map .host:not(.faint) .label")) == wanted
    assert "No host" in reader.page.locator("#found").inner_text()
    reader.page.fill("#search", "local-redis")
    reader.page.press("#search", "Enter")
    assert reader.focused() == "local-redis"


def test_filters(reader: Reader, estate: Estate) -> None:
    """The role and the day of the rollout leave what they should."""
    reader.page.select_option("#role", "etcd")
    assert sorted(reader.texts("#map .host:not(.faint) .label")) == sorted(host.name for host in estate.by_role["etcd"])
    assert reader.page.locator("#found").inner_text() == "3 of 31 hosts"
    reader.page.select_option("#role", "")
    reader.page.check("#days input[value='9']", force=True)
    stand = {name for name, host in estate.hosts.items() if (host.kind.day or 0) <= 9}
    assert set(reader.texts("#map .host:not(.faint) .label")) == stand
    assert set(reader.texts("#map .host.today .label")) == {"local-redis", "local-shard-0"}
    reader.page.keyboard.press("Escape")
    assert reader.texts("#map .host.faint .label") == []


def test_flows_of_a_host(reader: Reader) -> None:
    """Pointing at a host shows whom it calls, who calls it, the ports, the lines and the tunnels on the way."""
    reader.page.hover("[data-host=recognition]")
    out, into = (set(reader.texts(f"#map .host.{way} .label")) for way in ("out", "in"))
    assert out == {"push", "ximilar-gw", "llm-reranker", "embedder", "production-db"}
    assert into == {"local-app", "local-orchestrator", "monitoring", "unde-app"}
    assert reader.page.locator("[data-host=embedder] .ports").inner_text() == "→ 8003"
    assert reader.page.locator("[data-host=local-app] .ports").inner_text() == "← 8005"
    assert set(reader.page.locator("#lines .tunnel.used").evaluate_all("all => all.map(each => each.dataset.tunnel)")) == {"wg-app", "wg-orch"}
    assert reader.page.locator("#lines .flow").count() >= len(out)
    panel = reader.page.locator("#panel").inner_text()
    assert all(words in panel for words in ("Talks to", "redis-broker", "tcp 6379", "Is called by", "node-exporter", "operators"))
    reader.page.hover("h1")
    assert reader.page.locator("#lines .flow").count() == 0


def test_losses(reader: Reader, estate: Estate) -> None:
    """A click on a host, a tunnel, a site or the way between two sites shows what its loss does, in the words of ``unde survive``."""
    outcomes = {outcome.name: outcome for outcome in survive.every(estate)}
    for name, target in {
        "host:local-shard-0": "[data-host=local-shard-0]", "tunnel:wg-etcd": "[data-tunnel=wg-etcd] text", "site:helsinki": "[data-site=helsinki] .sitehead",
        "link:local:helsinki": "[data-link='local:helsinki'] text",
    }.items():
        reader.page.click(target)
        assert reader.page.locator("#panel .sentence").inner_text() == survive.words.sentence(outcomes[name])
        assert set(reader.texts("#map .host.struck .label")) == set(outcomes[name].lost_hosts)
        assert set(reader.texts("#map .host.stranded .label")) == set(outcomes[name].cut_off_hosts)
        if name == "host:local-shard-0":
            (shard,) = outcomes[name].shards
            assert shard.where == "shard-replica-0"
            assert "leads in" in reader.page.locator("[data-host=shard-replica-0] .effect").inner_text()
        reader.page.keyboard.press("Escape")
        assert reader.texts("#map .host.struck .label") == []


def test_keyboard(reader: Reader) -> None:
    """Everything is reached without a mouse: one stop for the map, arrows on it, Enter, Escape."""
    press = reader.page.keyboard.press
    reader.page.locator("body").press("Tab")
    assert reader.page.locator(".skip:focus").inner_text() == "Skip to the map"
    press("Enter")
    press("Tab")
    assert reader.focused() == "helsinki-gw" or reader.page.locator("#map :focus").count() == 1
    reader.page.focus("[data-host=local-app]")
    assert reader.texts("#map .host.here .label") == ["local-app"]
    for key, wanted in {"ArrowDown": "local-orchestrator", "ArrowRight": "wg-orch", "ArrowLeft": "local-orchestrator"}.items():
        press(key)
        assert reader.focused() == wanted
    assert reader.page.locator("#map [data-walk][tabindex='0']").count() == 1
    assert reader.page.locator("[data-host=local-orchestrator]").evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    press("ArrowRight")
    press("Enter")
    assert reader.page.locator("#panel h2").inner_text() == "wg-orch"
    press("Escape")
    assert reader.page.locator("#panel h2").inner_text() == "wg-orch", "what has the focus is still looked at"
    assert reader.page.locator("#map.losing").count() == 0
    press("/")
    assert reader.focused() == "search"
    controls = "[...document.querySelectorAll('button, [role=button], input, select')]"
    assert reader.page.evaluate(f"{controls}.filter(each => !(each.ariaLabel || each.textContent.trim() || each.labels?.length)).length") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(opened: Open, pages: dict[str, Path], theme: str) -> None:
    """Every kind of text has the contrast of WCAG AA, in both themes; also while something is lost."""
    reader = opened(pages["shipped"], theme=theme)
    map_texts = [".sitehead *", ".quarter h3", ".host span", "#lines text", ".party", ".legend span"]
    texts = ["h1", "#version", "#counts *", "#days span", *map_texts, "#panel *", ".keys"]
    for target in (None, "[data-site=helsinki] .sitehead", "[data-host=local-shard-0]"):
        if target:
            reader.page.click(target)
            reader.page.wait_for_timeout(150)  # colours change over 120 ms
        weak = [found for found in reader.page.evaluate(CONTRASTS, texts) if found["ratio"] < 4.5]
        assert weak == []


def test_theme_switch(reader: Reader) -> None:
    """The switch wins over the system's preference, either way."""

    def paper() -> int:
        return screenshot(reader, "header").convert("L").getpixel((3, 3))  # type: ignore[return-value]

    assert paper() > 200
    reader.page.click("#theme")
    assert paper() < 60
    reader.page.reload()
    reader.requests.pop()
    assert paper() < 60, "the choice is remembered"
    reader.page.click("#theme")
    assert paper() > 200
    reader.page.evaluate("localStorage.clear()")


def screenshot(reader: Reader, selector: str) -> Image.Image:
    """Return what an element looks like."""
    return Image.open(io.BytesIO(reader.page.locator(selector).first.screenshot())).convert("RGB")


@pytest.mark.parametrize(("which", "theme"), [("shipped", "light"), ("grown", "dark")])
def test_what_is_seen(opened: Open, pages: dict[str, Path], which: str, theme: str) -> None:
    """The picture itself: every card holds a glyph in its duty's colour and ink for its name; lines cross the strait; the legend is drawn."""
    reader = opened(pages[which], 1920, 1080, theme)
    picture = Image.open(io.BytesIO(reader.page.screenshot(full_page=True))).convert("RGB")

    def colours(box: list[float]) -> dict[tuple[int, int, int], int]:
        part = picture.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
        return {colour: count for count, colour in part.getcolors(1 << 20) or []}  # type: ignore[misc]

    def spread(colour: tuple[int, int, int]) -> int:
        return max(colour) - min(colour)

    for card in reader.boxes("#map .host"):
        found = colours(card["box"])
        background = max(found, key=lambda colour: found[colour])
        area = sum(found.values())
        ink = sum(count for colour, count in found.items() if abs(sum(colour) - sum(background)) > 240)
        assert 0.02 < ink / area < 0.4, f"{card['text']}: {ink / area:.3f} of it is ink"
        glyph = colours([card["box"][0] + 6, card["box"][1], card["box"][0] + 28, card["box"][3]])
        assert len(glyph) > 5, f"{card['text']}: no glyph"
        if "helsinki-gw" not in card["text"]:  # the gateway's glyph is ink
            assert max(map(spread, glyph)) > 50, f"{card['text']}: a glyph without its colour"
    west, east = (reader.boxes(f".site.{side}")[0]["box"] for side in ("west", "east"))
    strait = colours([west[2] + 90, west[1] + 60, east[0] - 110, west[3]])
    lines = sum(count for colour, count in strait.items() if spread(colour) > 30)
    assert lines > 10 * (east[0] - west[2]), "no tunnels on the sea"
    assert len(colours(reader.boxes(".legend")[0]["box"])) > 50


def test_paper(opened: Open, pages: dict[str, Path]) -> None:
    """On paper: light, without controls, the index open with every host; the whole is a PDF of few pages."""
    reader = opened(pages["shipped"], theme="dark")
    reader.page.emulate_media(media="print")
    assert reader.boxes("#search, #days, #theme") == []
    assert len(reader.boxes("#index tbody tr")) == 31
    assert screenshot(reader, "#map").convert("L").getpixel((5, 5)) == 255
    ports = reader.page.locator("[data-tunnel=wg-app] circle").first.bounding_box()
    card = reader.page.locator("[data-host=local-app]").bounding_box()
    assert ports is not None
    assert card is not None
    assert card["y"] < ports["y"] < card["y"] + card["height"], "the lines keep to their hosts when the map is scaled"
    pdf = reader.page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") <= 5


def test_hostile_texts_stay_texts(opened: Open, tmp_path: Path) -> None:
    """Whatever a layout's texts hold, they are shown and never executed."""
    data = support.shipped()
    data["document"]["title"] = HOSTILE
    data["sites"]["local"]["description"] = HOSTILE
    data["tunnels"]["peers"]["wg-app"]["purpose"] = HOSTILE
    data["hosts"]["scraper"]["type"] = HOSTILE
    data["services"]["gitlab"]["external"] = HOSTILE
    data["flows"]["scrape"]["note"] = HOSTILE
    data["rollout"]["days"][1]["title"] = HOSTILE
    estate = support.estate_of(data)
    file = tmp_path / "hostile.html"
    file.write_text(report.page(estate, survive.every(estate)), encoding="utf-8")
    reader = opened(file)
    assert reader.page.title() == HOSTILE
    assert reader.page.locator("h1").inner_text() == HOSTILE
    for target, seen in {"[data-host=scraper]": "dl", "[data-tunnel=wg-app] text": ".lead", "[data-site=local] .sitehead": ".lead"}.items():
        reader.page.click(target)
        assert HOSTILE in reader.page.locator(f"#panel {seen}").last.inner_text()
    assert reader.page.locator("img").count() == 0


def test_nothing_else_may_run(reader: Reader) -> None:
    """The policy holds: a script, a style sheet or a picture that comes from elsewhere is refused."""
    reader.page.evaluate("""() => {
      const script = document.createElement('script'); script.textContent = "document.title = 'hacked'"; document.body.append(script);
      const image = document.createElement('img'); image.src = 'https://192.0.2.1/x.png'; document.body.append(image);
    }""")
    assert reader.page.title() != "hacked"
    reader.page.wait_for_timeout(100)
    assert len(reader.complaints) == 2
    assert all("Content Security Policy" in complaint for complaint in reader.complaints)
    reader.complaints.clear()
    assert reader.requests.pop() == "https://192.0.2.1/x.png", "Chromium reports what the policy stopped"
