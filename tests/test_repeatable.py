"""Two builds give the same figures: every random number has a seed, every drawing is repeatable."""

import ast
import hashlib
import re
import subprocess
import sys

import pytest

from tests.catalogue import ROOT

PAGES = sorted((ROOT / "book").glob("*.md"))
CODE = sorted(path for path in (ROOT / "lstm_ref").rglob("*.py") if "checks" not in path.parts)
SITE = ROOT / "_build" / "html" / "book"
#: Functions that draw from a generator which the whole process shares.
SHARED = re.compile(r"(np|numpy)\.random\.(?!default_rng|Generator)\w+|random\.\w+")
CLOCKS = {"time.time", "time.perf_counter", "time.monotonic", "datetime.now", "os.urandom"}
AGAIN = "02-intuition"  # executed once more: its figures take the least time

#: Executes a page in a fresh kernel and prints the digest of each drawing, as the site names it.
EXECUTE = """
import hashlib, pathlib, sys, nbclient
from myst_nb.core.read import read_myst_markdown_notebook
page = pathlib.Path(sys.argv[1])
notebook = read_myst_markdown_notebook(page.read_text(encoding="utf-8"))
folder = {"metadata": {"path": str(page.parent)}}
nbclient.NotebookClient(notebook, timeout=120, resources=folder).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        drawing = output.get("data", {}).get("image/svg+xml")
        if drawing:
            text = "\\n".join(drawing.splitlines())  # as MyST-NB writes it
            print(hashlib.sha256(text.encode()).hexdigest())
"""


def cells(page):
    """Return the source of a page's code cells, options left out."""
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", page, re.M | re.S)
    found = [re.sub(r"\A---\n.*?^---\n", "", source, flags=re.M | re.S) for source in found]
    return [re.sub(r"\A(:\w+:[^\n]*\n)+", "", source) for source in found]


def unseeded(source, clocks=CLOCKS):
    """Return the lines that draw without a seed, or read a clock."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        fresh = name.endswith("default_rng") and not node.args and not node.keywords
        if fresh or SHARED.fullmatch(name) or name in clocks:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_draws_with_seeds_alone(page):
    for source in cells(page.read_text(encoding="utf-8")):
        assert unseeded(source) == [], source


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_the_package_draws_with_seeds_alone(path):
    # It may read a clock: training can be given a limit of time.
    assert unseeded(path.read_text(encoding="utf-8"), clocks=()) == []


def test_a_planted_clock_or_fresh_generator_is_seen():
    source = "a = np.random.default_rng()\nb = np.random.default_rng(0)\nc = np.random.rand(3)\n"
    assert unseeded(source + "d = time.time()\n") == [1, 3, 4]


@pytest.mark.slow
def test_a_page_executed_once_more_draws_the_files_of_the_site():
    page = SITE / f"{AGAIN}.html"
    if not page.is_file():
        pytest.skip("the book is not built: make book")
    built = re.findall(r"_images/([0-9a-f]{64})\.svg", page.read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(ROOT / "book" / f"{AGAIN}.md")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(built) == set(done.stdout.split()) != set()


def test_the_names_of_drawings_are_digests_of_their_content():
    for drawing in (SITE.parent / "_images").glob("*.svg"):
        text = drawing.read_bytes()
        if re.fullmatch("[0-9a-f]{64}", drawing.stem):
            assert hashlib.sha256(text).hexdigest() == drawing.stem
