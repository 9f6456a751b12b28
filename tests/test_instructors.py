"""What the instructor's guide says of assignments and commands is what the course has."""

import json
import re
import shlex

import pytest

from lstm_grader import cli
from tests.catalogue import ROOT

GUIDE = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
MASTERS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
ROWS = {
    cells[0].strip().strip("`"): cells[2:]
    for cells in (
        line.strip("|").split(" | ") for line in GUIDE.splitlines() if re.match(r"\| `\d\d-", line)
    )
}
COMMANDS = re.findall(r"^ *(lstm-grader .*)$", GUIDE, re.M)


def points_and_minutes(master):
    """Add up the points of each function, and read the time from the master's first cell."""
    cells = json.loads(master.read_text(encoding="utf-8"))["cells"]
    functions = re.findall(
        r"^def (\w+)\(",
        "\n".join(
            "".join(cell["source"])
            for cell in cells
            if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code"
        ),
        re.M,
    )
    points = {}
    for cell in cells:
        graded = cell["metadata"].get("nbgrader", {})
        name = re.match(r"(?:test|hidden)_(\w+)", graded.get("grade_id", ""))
        if name:
            owner = max((f for f in functions if name[1].startswith(f)), key=len)
            points[owner] = points.get(owner, 0) + graded["points"]
    (minutes,) = re.findall(r"about (\d+) minutes", "".join(cells[0]["source"]))
    return points, int(minutes)


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.parent.name)
def test_points_and_time_are_those_of_the_master(master):
    parts, minutes = ROWS[master.parent.name]
    said = {name: int(points) for name, points in re.findall(r"`(\w+)` (\d+)", parts)}
    assert (said, int(minutes)) == points_and_minutes(master)
    assert sum(said.values()) == 100


def test_every_assignment_is_listed():
    assert set(ROWS) == {path.parent.name for path in MASTERS}


def test_every_kind_of_command_is_shown():
    shown = {command.split()[1] for command in COMMANDS}
    assert shown >= {"release", "collect", "autograde", "report", "feedback", "export"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_is_understood(command):
    cli._parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[\w-]+)", GUIDE))))
def test_an_option_of_the_guide_exists(option, capsys):
    texts = []
    for command in ([], ["collect"], ["autograde"], ["release"], ["report"], ["export"]):
        with pytest.raises(SystemExit):
            cli._parser().parse_args([*command, "--help"])
        texts.append(capsys.readouterr().out)
    assert option in "".join(texts)
