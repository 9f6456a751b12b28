"""What this book asks of Sphinx beyond its configuration.

- Vendored JavaScript is used where `tools/fetch_assets.py` put it, the theme's links elsewhere.
- Executed pages are computed anew when the code of `lstm_ref` changes.
- A chapter's number is that of its file name, so equation (3.1) keeps its number; the appendix on
  mathematics has the letter A. Pages under a chapter are 7.1, 7.2, … in the order of the contents,
  and their equations go on where the chapter's end.
- ``.. api:: lstm_ref.cells`` documents every public name of a module.
"""

import ast
import hashlib
import importlib
import inspect
import pathlib
import re
import shutil
import sys
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util.docutils import SphinxDirective

import lstm_ref

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASSETS = ROOT / ".cache" / "assets"
CACHES = ROOT / "_build" / "executed"
LETTERS = {"book/mathematics": "A"}


def use_vendored_assets(app: Sphinx, config: Config) -> None:
    """Load MathJax and the widgets' JavaScript from this site, if they were fetched."""
    if not (ASSETS / "vendor" / "complete").is_file():
        return
    config.html_static_path.append(str(ASSETS))
    config.mathjax_path = "vendor/mathjax/tex-mml-chtml.js"
    config.nb_ipywidgets_js = {
        "vendor/require.js": {},
        "vendor/require-paths.js": {},
        "vendor/embed-amd.js": {"data-jupyter-widgets-cdn": "no-cdn/"},
    }


def code_fingerprint() -> str:
    """Digest what pages compute with: `lstm_ref` without docstrings, the locked packages, tables.

    The checks are left out: no page runs them.
    """
    package = pathlib.Path(lstm_ref.__file__).parent
    files = [path for path in package.rglob("*") if path.suffix in {".py", ".js", ".css", ".npz"}]
    files = [path for path in files if package / "checks" not in path.parents]
    files += [ROOT / "requirements.lock", *(ROOT / "tests" / "golden").glob("*.json")]
    files += (ROOT / "benchmarks" / "results").glob("*.json")
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(path.name.encode() + b"\0")
        digest.update(without_docstrings(content) if path.suffix == ".py" else content)
    return digest.hexdigest()[:16]


def without_docstrings(source: bytes) -> bytes:
    """Reduce Python to what it does, so that a better comment executes no page anew."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def key_cache_by_code(app: Sphinx, config: Config) -> None:
    """Keep executed pages under the fingerprint of the code; a new one makes every page stale."""
    current = CACHES / code_fingerprint()
    for old in CACHES.glob("*"):
        if old != current:
            shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(current)


def number_chapters(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Give ``book/03-equations`` the number 3, and its equations and figures 3.1, 3.2, …; A.1, ….

    Sphinx would count the written chapters, so numbers would move as others are written.
    """
    before, places = env.toc_fignumbers, places_under_chapters(env)
    for docname in env.titles:
        match = re.fullmatch(r"book/(\d\d)-[^/]+", docname)
        if match is None and docname not in LETTERS:
            continue
        number = (int(match[1]) if match else LETTERS[docname], *places.get(docname, ()))
        env.toc_secnumbers[docname] = {"": number}
        env.titles[docname]["secnumber"] = number
        next(env.tocs[docname].findall(nodes.reference))["secnumber"] = number
    TocTreeCollector().assign_figure_numbers(env)
    for docname, numbers in env.toc_secnumbers.items():
        if set(numbers) == {""}:  # set above: sections carry no number of their own
            sections = [node["anchorname"] for node in env.tocs[docname].findall(nodes.reference)]
            numbers.update({anchor: () for anchor in sections if anchor})
    return [name for name in env.titles if env.toc_fignumbers.get(name) != before.get(name)]


def places_under_chapters(env: BuildEnvironment) -> dict[str, tuple[int]]:
    """Count the pages that the contents list under a chapter, from 1 in each."""
    chapters = [name for name in env.toctree_includes if re.fullmatch(r"book/\d\d-[^/]+", name)]
    under = [env.toctree_includes[name] for name in chapters]
    return {page: (k,) for pages in under for k, page in enumerate(pages, start=1)}


class Api(SphinxDirective):
    """Document a module: its docstring, then every name of its ``__all__``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Hand the work to autodoc."""
        module = importlib.import_module(self.arguments[0])
        # A function of the module's own name, such as gradcheck, keeps the name in the index.
        hidden = ["   :no-index:"] if module.__name__.rpartition(".")[2] in module.__all__ else []
        lines = [f".. automodule:: {module.__name__}", *hidden, ""]
        for name in module.__all__:
            kind, options = documenter(getattr(module, name))
            if kind == "data":  # a type alias; autodoc would show the docstring of its type
                lines += [f".. py:data:: {module.__name__}.{name}", ""]
                continue
            path = public_path(module.__name__, name) if kind != "data" else module.__name__
            lines += [f".. auto{kind}:: {path}.{name}", *(f"   {o}" for o in options), ""]
        node = nodes.Element()
        self.state.nested_parse(StringList(lines, source="api"), self.content_offset, node)
        return node.children


def documenter(value: Any) -> tuple[str, list[str]]:
    """Name autodoc's directive for a value, and its options."""
    if inspect.isclass(value):
        return "class", [] if hasattr(value, "_fields") else [":members:"]
    if inspect.isroutine(value):
        return "function", []
    return "data", [":no-value:"]


def public_path(module: str, name: str) -> str:
    """Find the shortest package that a name can be imported from: ``lstm_ref``, if it can."""
    value = getattr(sys.modules[module], name)
    path = module
    while "." in path:
        path = path.rpartition(".")[0]
        if getattr(sys.modules[path], name, None) is value:
            module = path
    return module


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    """Resolve ``lstm_ref.cells.lstm_step`` to where ``lstm_ref.lstm_step`` is documented."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") != "py" or not hasattr(sys.modules.get(module), name):
        return None
    if not module.startswith("lstm_ref."):
        return None
    found = env.get_domain("py").resolve_any_xref(
        env, node["refdoc"], app.builder, f"{public_path(module, name)}.{name}", node, contnode
    )
    return found[0][1] if found else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the above."""
    app.connect("config-inited", use_vendored_assets)
    app.connect("config-inited", key_cache_by_code)
    app.connect("env-get-updated", number_chapters, priority=600)  # after Sphinx's own numbering
    app.connect("missing-reference", find_public_name)
    app.add_directive("api", Api)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
