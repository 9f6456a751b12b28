"""The API appendix has every public name, and every docstring what a reader of it needs."""

import inspect
import re

import pytest

import lstm_ref
from tests.catalogue import ROOT
from tests.functions import FIGURES, INNER, public_modules

MODULES = public_modules()
PAGE = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
FUNCTIONS = {
    f"{name.removeprefix('lstm_ref.')}.{key}": getattr(module, key)
    for name, module in MODULES.items()
    for key in module.__all__
    if inspect.isfunction(getattr(module, key))
}


def test_every_public_module_stands_on_the_page_once():
    assert sorted(re.findall(r"^\.\. api:: (\S+)$", PAGE, re.MULTILINE)) == sorted(MODULES)


def test_every_public_function_and_class_is_in_the_list_of_its_module():
    for name, module in MODULES.items():
        if name.startswith(("lstm_ref.fast", *FIGURES)):
            continue  # the shapes of their inner workings
        own = {
            key
            for key, value in vars(module).items()
            if not key.startswith("_") and getattr(value, "__module__", "") == name
            if inspect.isfunction(value) or inspect.isclass(value)
        }
        assert own - set(module.__all__) == set(), name


def test_what_is_inner_is_exported_by_no_package():
    for name in INNER:
        module = __import__(name, fromlist=["__all__"])
        for key in getattr(module, "__all__", ()):
            assert not hasattr(lstm_ref, key) and not hasattr(lstm_ref.fast, key)


def section(text, title):
    found = re.search(rf"(?:^|\n){title}\n-+\n(.*?)(?=\n\n[A-Z][a-z]+\n-+\n|\Z)", text, re.DOTALL)
    return found[1] if found else ""


POINTER = re.compile(
    r"Parameters(, returns)? and errors are those of `(\w+)`(?:, with .*?`\w+Params`)?", re.DOTALL
)


def documented(function):
    """Return the parameters that a docstring names, and whether it tells what comes back.

    It may point at another function's, of its own module or of the package, and say that the
    weights are together in a tuple.
    """
    text, names = inspect.getdoc(function), set()
    lines = r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$"
    for line in re.findall(lines, section(text, "Parameters"), re.MULTILINE):
        names |= {name.lstrip("*") for name in line.split(", ")}
    returns = bool(section(text, "Returns") or section(text, "Yields"))
    pointer = POINTER.search(text)
    if pointer is None:
        return names, returns
    other = vars(inspect.getmodule(function)).get(pointer[2]) or getattr(lstm_ref, pointer[2])
    more, theirs = documented(other)
    together = {"params"} if "with" in pointer[0] else set()
    return names | more | together, returns or (bool(pointer[1]) and theirs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_name_every_parameter_and_what_comes_back(name):
    if name.startswith("fast.workspace"):
        return  # the fast tier's housekeeping, in prose
    function = FUNCTIONS[name]
    names, returns = documented(function)
    assert set(inspect.signature(function).parameters) <= names
    assert returns or function.__annotations__["return"] is None


#: Nothing can go wrong, or a figure that takes the page's own numbers.
SILENT = {"cell_of_h", "cell_of_h_and_c", "number", "tree_items"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_say_what_is_refused(name):
    function, key = FUNCTIONS[name], name.split(".")[-1]
    text = inspect.getdoc(function)
    if name.startswith(("plots", "widgets", "fast.workspace")) or key in SILENT:
        return
    if key.endswith("_layer") or not inspect.signature(function).parameters:
        return  # a layer refuses what its functions refuse
    assert section(text, "Raises") or "errors" in text
