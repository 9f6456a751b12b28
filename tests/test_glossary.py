"""The glossary: every term says where it is explained, and that place exists."""

import re

import pytest

from tests.catalogue import ROOT

BOOK = ROOT / "book"
LINK = re.compile(r"\[[^\]]*\]\((sec-[\w-]+)\)")


def terms(text):
    """Map each term of a glossary directive to its definition."""
    (body,) = re.findall(r"^```\{glossary\}\n(.*?)^```", text, re.M | re.S)
    found = {}
    for block in body.strip("\n").split("\n\n"):
        term, _, definition = block.partition("\n")
        assert term == term.strip() and term not in found, term
        assert definition.startswith("  "), term
        found[term] = definition.strip()
    return found


def labels():
    """Collect the labels of all sections of the book."""
    pages = (page.read_text(encoding="utf-8") for page in BOOK.glob("*.md"))
    return {label for page in pages for label in re.findall(r"^\((sec-[\w-]+)\)=", page, re.M)}


TERMS = terms((BOOK / "glossary.md").read_text(encoding="utf-8"))


def test_there_are_enough_and_in_order():
    assert len(TERMS) >= 70
    assert list(TERMS) == sorted(TERMS, key=str.lower)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_leads_back_to_where_it_is_explained(term):
    places = LINK.findall(TERMS[term])
    assert places
    assert set(places) <= labels()


def test_a_term_without_a_way_back_is_seen():
    lost = terms("```{glossary}\na\n  What it is. [](sec-nowhere)\n\nb\n  What it is.\n```\n")
    assert set(LINK.findall(lost["a"])) - labels() == {"sec-nowhere"}
    assert not LINK.findall(lost["b"])


@pytest.mark.parametrize("chapter", ["01", "02", "03", "04", "05"])
def test_chapters_point_into_the_glossary(chapter):
    (page,) = BOOK.glob(f"{chapter}-*.md")
    used = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", page.read_text(encoding="utf-8"))
    known = {term.lower() for term in TERMS}
    assert len(used) >= 5
    assert {" ".join(name.split()).lower() for name in used} <= known
