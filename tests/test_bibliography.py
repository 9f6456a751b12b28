"""Sources: every entry is whole, every entry is used, and every citation has its entry."""

import re

import pytest

from tests.catalogue import ROOT

BOOK = ROOT / "book"
BIBLIOGRAPHY = BOOK / "references.bib"
#: Where an entry says it was published, one of them by type.
VENUES = {
    "article": {"journal"},
    "inproceedings": {"booktitle"},
    "phdthesis": {"school"},
    "misc": {"note", "howpublished"},
    "book": {"publisher"},
    "incollection": {"booktitle"},
}
DOI = re.compile(r"10\.\d{4,9}/[^\s{}]+")
ARXIV_DOI = re.compile(r"10\.48550/arXiv\.\d{4}\.\d{4,5}")
#: Neither DOI nor address: a thesis, a journal and a workshop from before or outside the system.
UNREGISTERED = {"hochreiter1991", "mahalanobis1936", "malhotra2015"}


def entries(text):
    """Map each key to its type and fields."""
    found = {}
    for kind, key, body in re.findall(r"^@(\w+)\{([^,\s]+),\n(.*?)^\}", text, re.M | re.S):
        assert key not in found, f"{key} is there twice"
        fields = re.findall(r"^\s*(\w+)\s*=\s*\{(.*?)\},?\s*$", body, re.M)
        found[key] = (kind, dict(fields))
    return found


def faults(key, kind, fields):
    """Say what an entry lacks or has in a wrong form."""
    found = [f"no {name}" for name in ("author", "year", "title") if not fields.get(name)]
    if "others" in fields.get("author", "").split(" and "):
        found.append("authors left out")
    if not re.fullmatch(r"(19|20)\d\d", fields.get("year", "")):
        found.append("year")
    if not VENUES.get(kind, set()) & set(fields):
        found.append("no venue")
    doi = fields.get("doi")
    if doi is None:
        if key not in UNREGISTERED and not fields.get("url", "").startswith("https://"):
            found.append("neither DOI nor address")
    elif not DOI.fullmatch(doi) or ("arxiv" in doi.lower() and not ARXIV_DOI.fullmatch(doi)):
        found.append(f"DOI {doi}")
    if not re.fullmatch(r"[\d:]+(--[\d:]+)?", fields.get("pages", "1")):
        found.append(f"pages {fields['pages']}")
    return found


def cited(text):
    """Collect the keys that a page cites."""
    groups = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in groups for key in group.split(",")}


ENTRIES = entries(BIBLIOGRAPHY.read_text(encoding="utf-8"))
CITED = {page.name: cited(page.read_text(encoding="utf-8")) for page in BOOK.glob("*.md")}


def test_every_entry_is_read():
    assert len(ENTRIES) == BIBLIOGRAPHY.read_text(encoding="utf-8").count("\n@") + 1


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_is_whole(key):
    assert faults(key, *ENTRIES[key]) == []


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_is_cited_somewhere(key):
    assert any(key in keys for keys in CITED.values())


@pytest.mark.parametrize("page", CITED)
def test_every_citation_has_an_entry(page):
    assert CITED[page] <= set(ENTRIES)


@pytest.mark.parametrize("page", ["reading-list.md"])
def test_every_source_is_annotated_once(page):
    notes = re.findall(r"^- \{cite:t\}`([^`]+)`\. (.*)", (BOOK / page).read_text(), re.M)
    assert len(notes) == len({key for key, _ in notes}) > 30
    assert all(note[0].isupper() for _, note in notes)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("author  = {Hochreiter, Sepp and", "author  = {others and"), "authors left out"),
        (("  year    = {1997},\n", ""), "no year"),
        (("journal = {Neural", "series = {Neural"), "no venue"),
        (("doi     = {10.1162", "doi     = {https://doi.org/10.1162"), "DOI https"),
        (("  doi     = {10.1162/neco.1997.9.8.1735}\n", ""), "neither DOI"),
        (("1735--1780", "1735-1780"), "pages 1735-1780"),
    ],
)
def test_a_planted_fault_is_seen(change, fault):
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    assert change[0] in text
    key = "hochreiter1997"
    wrong = entries(text.replace(*change))[key]
    assert any(found.startswith(fault) for found in faults(key, *wrong))
