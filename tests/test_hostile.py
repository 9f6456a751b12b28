"""No attack earns a point, shows a secret, harms another part or stops the grader."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import remote
from lstm_grader.execution import Limits
from lstm_grader.sandbox import Quota
from tests.engines import Notebook, verdicts
from tests.hostile.attacks import KINDS, SECRETS, SPOILS_ITSELF
from tests.sandboxes import sandbox_engine
from tests.tiny_course import RIGHT, edited, master

ATTACKS = [(kind, name) for kind, attacks in KINDS.items() for name in attacks]
PASSED = ("", "")


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "secret"
    path.write_text("a teacher's secret")
    return path


@pytest.fixture(scope="module")
def box() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "PATIENCE", 0.5)
        patch.setenv("LSTM_SECRET", "a teacher's secret")
        quota = Quota(memory=2 << 30, folder=16 << 20, processes=16)
        with sandbox_engine(Limits(cell=1.5), quota) as engine:
            yield engine


def submission(source: str, secret: Path) -> Notebook:
    source = source.replace("SECRET_FILE", repr(str(secret)))
    return edited(master(), double=source, halve=RIGHT["halve"])


@pytest.mark.parametrize(("kind", "name"), ATTACKS, ids=map("/".join, ATTACKS))
def test_an_attack_gains_nothing_and_harms_nothing(
    kind: str, name: str, box: Any, secret: Path, tmp_path: Path
) -> None:
    start, threads = time.monotonic(), threading.active_count()
    executed = box.execute(submission(KINDS[kind][name], secret), tmp_path)
    assert time.monotonic() - start < 30
    said = verdicts(executed)
    assert said["test_double"] != PASSED
    assert said["hidden_double"] != PASSED
    if name not in SPOILS_ITSELF:
        assert said["test_halve"] == said["hidden_halve"] == PASSED
    own = [c["outputs"] for c in executed["cells"] if c["id"] == "double"]
    printed = [o["text"] for outputs in own for o in outputs if o["output_type"] == "stream"]
    assert not any(secret in text for secret in SECRETS for text in printed)
    assert len(json.dumps(own)) < 1_200_000
    assert threading.active_count() == threads


def test_after_all_of_it_an_honest_answer_earns_its_points(
    box: Any, secret: Path, tmp_path: Path
) -> None:
    said = verdicts(box.execute(submission(RIGHT["double"], secret), tmp_path))
    assert set(said.values()) == {PASSED}


def test_the_attacks_are_many_and_of_many_kinds() -> None:
    assert len(ATTACKS) >= 60
    assert len(KINDS) >= 10
