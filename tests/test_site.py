"""The built site: nothing secret in it, nothing missing, nothing loaded from elsewhere."""

import functools
import html.parser
import json
import pathlib
import re
import urllib.parse

import pytest

from tests.catalogue import ROOT

SITE = ROOT / "_build" / "html"
CONTENTS = (ROOT / "_toc.yml").read_text(encoding="utf-8")
PAGES = sorted((SITE / "book").glob("*.html"))
SECRETS = ("BEGIN SOLUTION", "BEGIN HIDDEN", "Marking scheme", "Model answer")

pytestmark = pytest.mark.skipif(not PAGES, reason="the book is not built: make book")


class Page(html.parser.HTMLParser):
    """Collects what a page links to, what it loads, and its anchors."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loads.append(str(given["src"]))
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon", "shortcut icon"):
            self.loads.append(str(given["href"]))
        if tag == "img":
            self.images.append(given)


@functools.cache
def read(path: pathlib.Path) -> Page:
    """Parse a page once, however many links lead to it."""
    return Page(path)


def chapters_in_contents() -> set[str]:
    return set(re.findall(r"(?:file|root): book/([\w-]+)", CONTENTS))


def is_chapter(name: str) -> bool:
    """Tell chapters from the pages that stand under one."""
    return bool(re.search(rf"^ {{6}}- file: book/\d\d-{name[3:]}$", CONTENTS, re.M))


def test_only_pages_of_the_contents_are_built():
    assert {page.stem for page in PAGES} == chapters_in_contents()
    assert not (SITE / "solutions").exists()


def test_no_answer_and_no_hidden_test_is_in_the_site():
    for path in SITE.rglob("*"):
        if path.is_file() and path.suffix in {".html", ".ipynb", ".md", ".txt", ".js", ".json"}:
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [secret for secret in SECRETS if secret in text], path


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_links_within_the_site_lead_somewhere(path):
    for link in read(path).links:
        parts = urllib.parse.urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
        assert target.exists(), link
        if parts.fragment and target.suffix == ".html":
            assert urllib.parse.unquote(parts.fragment) in read(target).anchors, link


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_nothing_is_loaded_from_elsewhere(path):
    if not (ROOT / ".cache/assets/vendor/complete").is_file():
        pytest.skip("built with the theme's own links: npm was not to be had")
    outside = [url for url in read(path).loads if urllib.parse.urlsplit(url).netloc]
    assert not outside


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_interactive_figures_travel_with_the_page(path):
    if not is_chapter(path.stem):
        pytest.skip("not a chapter")
    text = path.read_text(encoding="utf-8")
    states = re.findall(
        r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', text, re.S
    )
    models = [m for state in states for m in json.loads(state)["state"].values()]
    assert any(model["model_module"] == "anywidget" for model in models)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_no_cell_ended_in_an_error(path):
    assert "output traceback" not in path.read_text(encoding="utf-8")


def test_assignments_can_be_downloaded_from_their_chapters():
    found = {path.name for path in (SITE / "_downloads").rglob("*.ipynb")}
    assert found >= {
        *("equations.ipynb", "gradient-flow.ipynb", "variants.ipynb", "visual-intuition.ipynb"),
    }
