"""Equations: each numbered one is spoken of, and each that is spoken of is there, once."""

import re

import pytest

from tests.catalogue import ROOT

PAGES = {
    page.stem: page.read_text(encoding="utf-8") for page in sorted((ROOT / "book").glob("*.md"))
}
LABELS = {name: re.findall(r"^:label: (\S+)$", page, re.M) for name, page in PAGES.items()}
SPOKEN_OF = set(re.findall(r"\{eq\}`([^`]+)`", "\n".join(PAGES.values())))


@pytest.mark.parametrize("page", [name for name, labels in LABELS.items() if labels])
def test_every_numbered_equation_is_spoken_of(page):
    assert [label for label in LABELS[page] if label not in SPOKEN_OF] == []


def test_a_label_stands_once_and_every_reference_has_its_label():
    labels = [label for found in LABELS.values() for label in found]
    assert len(labels) == len(set(labels)) > 80
    assert set(labels) >= SPOKEN_OF
