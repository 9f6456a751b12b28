"""All attacks, and what their kinds are. See `tests.hostile.corpus` for what an attack is."""

from tests.hostile.cells import CELLS
from tests.hostile.corpus import Attack
from tests.hostile.notebooks import ARCHIVES, NOTEBOOKS

__all__ = ["ARCHIVES", "ATTACKS", "KINDS"]

KINDS = {
    "read": "reads what is not its own",
    "write": "writes outside of its folder",
    "network": "calls out, or waits to be called",
    "take": "takes all there is: processes, memory, disk, output",
    "wait": "never comes to an end",
    "end": "ends its process, or another's",
    "later": "changes something later: threads, timers, processes that stay",
    "patch": "replaces what judges it: NumPy, builtins, IPython, the grader",
    "lie": "answers with objects that lie about what they are",
    "look": "looks at, or changes, what called it",
    "forge": "forges messages to the grader",
    "cells": "edits, deletes, doubles or moves the checks",
    "marks": "forges markup, outputs and scores",
    "file": "hands in a damaged or odd file",
    "place": "plays tricks with links and names",
}
"""What an attack of each kind does."""

ATTACKS: list[Attack] = [*CELLS, *NOTEBOOKS]
