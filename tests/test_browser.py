"""The built site in a real browser, cut off from the network: it must need nothing else.

A probe shows every page of the book in a narrow frame, moves the controls of its figures, and
reports what it saw and what the page asked for. The browser's proxy refuses all other hosts.
"""

import functools
import html
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest

from tests.catalogue import ROOT

SITE = ROOT / "_build" / "html"
PAGES = sorted(path.name for path in (SITE / "book").glob("*.html"))
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--dump-dom"),
    "--virtual-time-budget=120000",
]
NARROW = 320  # the width in pixels of the narrowest screen we care for

PROBE = """<!doctype html><meta charset="utf-8"><script type="module">
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(ready) {
  for (let n = 0; n < 200 && !ready(); n++) await wait(100);
}
async function visit(page) {
  const frame = document.createElement("iframe");
  frame.width = NARROW; frame.height = 800; frame.src = page;
  document.body.append(frame);
  await new Promise((done) => { frame.onload = done; });
  await wait(300);
  const view = frame.contentDocument;
  const expected = view.querySelectorAll('script[type$="widget-view+json"]').length;
  const figures = () => [...view.querySelectorAll(".lstm-figure")];
  await until(() => figures().length === expected);
  const equations = (kind = "") => view.querySelectorAll("div.math" + kind).length;
  await until(() => equations(" mjx-container") === equations());
  const moved = [];
  for (const figure of figures()) {
    const shown = () => figure.querySelector(".lstm-drawing").innerHTML;
    let changes = 0;
    for (const input of figure.querySelectorAll("input, select")) {
      const before = shown();
      if (input.type === "range") {
        input.value = input.value === input.max ? input.min : input.max;
      } else if (input.tagName === "SELECT") {
        input.selectedIndex = (input.selectedIndex + 1) % input.options.length;
      } else {
        input.click();
        continue;
      }
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new Event("change", { bubbles: true }));
      changes += shown() !== before;
    }
    const live = figure.querySelector("[aria-live]");
    const drawing = figure.querySelector("svg[role=img]");
    const buttons = [...figure.querySelectorAll("button.lstm-button")];
    const button = (name) => buttons.find((b) => b.textContent === name);
    const stepped = [];
    for (const name of ["Back", "Back", "Back", "Next", "Next", "Next"]) {
      if (!button(name)) break;
      button(name).click();
      stepped.push(live.textContent);
    }
    const dead = []; // of a figure that steps, "Back" has nothing to do at the beginning
    for (const pressed of stepped.length ? [] : buttons) {
      const before = shown();
      pressed.click();
      if (shown() === before) dead.push(pressed.textContent);
    }
    moved.push({ changes, dead, stepped, words: (live ?? {}).textContent ?? "",
                 label: drawing ? drawing.getAttribute("aria-label") : null });
  }
  for (const hidden of view.querySelectorAll("details")) hidden.open = true;
  await wait(300);
  const root = view.documentElement;
  const report = {
    expected, moved,
    equations: equations(),
    typeset: equations(" mjx-container"),
    outside: frame.contentWindow.performance.getEntriesByType("resource").map((e) => e.name)
      .filter((name) => /^(https?|wss?):/.test(name) && !name.startsWith(location.origin)),
    errors: view.querySelectorAll("mjx-merror").length,
    width: root.scrollWidth,
  };
  frame.remove();
  return report;
}
const reports = {};
for (const page of PAGES) reports[page] = await visit(page);
const out = document.createElement("pre");
out.id = "result";
out.textContent = JSON.stringify(reports);
document.body.append(out);
</script><body></body>"""


PLANTED = """<script src="http://elsewhere.invalid/a.js"></script>
<details><div style="width: 400px">wide</div></details>"""


class Site(http.server.SimpleHTTPRequestHandler):
    """Serves the site, the probe, and a page with a planted fault; as a proxy it refuses."""

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def do_GET(self) -> None:
        paths = json.dumps(["/planted", *(f"/book/{page}" for page in PAGES)])
        made = {
            "/probe": PROBE.replace("NARROW", str(NARROW)).replace("PAGES", paths),
            "/planted": PLANTED,
        }.get(self.path)
        if self.path.startswith("http"):
            self.send_error(403)
        elif made is None:
            super().do_GET()
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(made.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Visit every page once; the report of each, by its name."""
    if not PAGES:
        pytest.skip("the book is not built: make book")
    if not CHROMIUM:
        pytest.skip("needs Chromium; on Debian and Ubuntu: apt-get install chromium")
    handler = functools.partial(Site, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    own = [f"--proxy-server={here}", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]
    try:
        done = subprocess.run(
            [CHROMIUM, *OPTIONS, *own, here + "/probe"], capture_output=True, text=True, timeout=300
        )
    finally:
        server.shutdown()
        server.server_close()
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    reports = json.loads(html.unescape(found[1]))
    return {path.rpartition("/")[2]: report for path, report in reports.items()}


def test_a_planted_request_is_seen(visit):
    assert visit["planted"]["outside"] == ["http://elsewhere.invalid/a.js"]


def test_a_planted_width_is_seen_although_it_is_folded_away(visit):
    assert visit["planted"]["width"] > NARROW


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_nothing_elsewhere(visit, page):
    if not (ROOT / ".cache/assets/vendor/complete").is_file():
        pytest.skip("built with the theme's own links: npm was not to be had")
    assert visit[page]["outside"] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_equation_is_typeset(visit, page):
    report = visit[page]
    assert report["typeset"] == report["equations"]
    assert report["errors"] == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_interactive_figure_is_drawn_moves_and_says_what_it_shows(visit, page):
    report = visit[page]
    assert len(report["moved"]) == report["expected"]
    for figure in report["moved"]:
        assert figure["changes"] > 0
        assert figure["words"] or figure["label"]


def test_the_belt_is_stepped_through_robot_by_robot_and_back(visit):
    (figure,) = visit["06-visual-intuition.html"]["moved"]
    robots = ["input robot", "forget robot", "arrives", "forget robot", "input robot", "output"]
    assert len(figure["stepped"]) == len(robots)
    for robot, words in zip(robots, figure["stepped"], strict=True):
        assert robot in words


@pytest.mark.parametrize("page", PAGES)
def test_every_button_of_a_figure_does_something(visit, page):
    assert [figure["dead"] for figure in visit[page]["moved"] if figure["dead"]] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_wider_than_a_narrow_screen_with_all_answers_open(visit, page):
    assert visit[page]["width"] <= NARROW
