"""Feedback points into the book: every place it names exists, under that title and number."""

import functools
import re

import pytest

from tests.catalogue import ROOT, misconceptions

PLACES = sorted({m.see for _, _, m in misconceptions()}, key=str)


@functools.cache
def sections(page: str) -> dict[str, tuple[str, list[str]]]:
    """Map each labelled section of a chapter to its title and the numbers of its equations."""
    chapter, found, label, current, number = int(page[:2]), {}, None, None, 0
    for line in (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8").splitlines():
        target = re.fullmatch(r"\((sec-[\w-]+)\)=", line)
        if target:
            label = target[1]
        elif line.startswith("#") and label:
            current, label = label, None
            found[current] = (line.lstrip("# "), [])
        elif line.startswith("## "):
            current = None
        elif re.match(r":label: eq-", line.strip()):
            number += 1
            if current:
                found[current][1].append(f"{chapter}.{number}")
    return found


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_place_exists_under_its_title_and_number(place):
    if not (ROOT / "book" / f"{place.page}.md").is_file():
        pytest.skip(f"{place.page} is not written yet; the message names its section all the same")
    known = sections(place.page)
    assert place.anchor in known
    title, equations = known[place.anchor]
    assert place.section == title
    if place.equation:
        assert place.equation in equations
