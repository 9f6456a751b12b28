"""What the benchmark times is one computation everywhere, and its report says what it found."""

import copy
import json

import numpy as np
import pytest

from benchmarks import contestants, ladder, speed
from benchmarks.worker import Worker

SIZE = (7, 5, 3, 11)


@pytest.fixture(scope="module")
def given():
    return contestants.problem(SIZE)


# numpy-ml is not installed here; the benchmark compares it in the same way before it times it.
@pytest.mark.parametrize("name", ["readable", "torch"])
def test_contestants_compute_what_the_fast_tier_does(given, name):
    if name == "torch":
        pytest.importorskip("torch")
    want = contestants.CONTESTANTS["fast"](given, 1).outcome()
    contestant = contestants.CONTESTANTS[name](given, 1)
    for _ in range(2):  # a second run must not build on the first
        for got, expected in zip(contestant.outcome(), want, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rung", ladder.FORWARD_RUNGS.values())
def test_every_rung_forward_gives_the_same_states(given, rung):
    np.testing.assert_allclose(rung(given), ladder.as_written(given), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rung", ladder.TRAINING_RUNGS.values())
def test_every_rung_of_training_gives_the_same_gradients(given, rung):
    np.testing.assert_allclose(rung(given), ladder.train_as_written(given), rtol=1e-4, atol=1e-5)


def test_rungs_leave_the_fast_tier_as_it_was(given):
    before = ladder.sequence.BLOCK_NUMBERS, ladder.workspace.KEEP_BYTES
    ladder.train_step_by_step(given)
    assert (ladder.sequence.BLOCK_NUMBERS, ladder.workspace.KEEP_BYTES) == before


def test_a_worker_answers_every_request():
    worker = Worker("fast", 1)
    assert worker.hello() == f"NumPy {np.__version__}"
    assert len(worker.prepare(SIZE)) == 4
    assert worker.sample("forward") > 0 and worker.sample("train") > 0
    before, peak = worker.memory(SIZE)
    assert peak >= before
    rungs = worker.rungs(SIZE, 1)
    assert all(seconds > 0 for seconds in rungs.values())
    assert {name.partition(": ")[0] for name in rungs} == {"forward", "train", "share"}


def entry(fast, torch, numpy_ml):
    times = {"fast": fast, "torch": torch, "numpy-ml": numpy_ml}
    timed = {name: {"median": value, "quartiles": [value] * 2} for name, value in times.items()}
    return {"size": [1, 2, 3, 4], "forward": timed, "train": copy.deepcopy(timed)}


@pytest.fixture
def report():
    sizes = [entry(1.0, 2.0, 5.0), entry(2.0, 1.5, 40.0)]
    names = ["fast", "torch", "numpy-ml"]
    return {
        "machine": {"processor": "P", "cores": 2, "python": "3", "load_before": 0.0},
        "threads": 2,
        "versions": dict.fromkeys(names, "1"),
        "missing": {"readable": "it is gone"},
        "sizes": sizes,
        "summary": speed.summarise(sizes, names[1:]),
        "memory": {
            "fast": {"added": 3 << 20},
            "torch": {"added": 2 << 20},
            "numpy-ml": {"added": 0},
        },
    }


def test_ratios_say_how_many_times_faster_the_fast_tier_is(report):
    assert report["summary"]["train"]["torch"]["ratios"] == [2.0, 0.75]
    assert report["summary"]["train"]["torch"]["smallest"] == 0.75
    assert report["summary"]["train"]["torch"]["geometric_mean"] == pytest.approx(1.5**0.5)


def test_the_verdict_holds_the_report_against_every_promise(report):
    assert [met for _, met in speed.verdict(report)] == [True, True, True, True]
    report["memory"]["fast"]["added"] += 1
    for entry in report["sizes"]:
        entry["train"]["fast"]["median"] *= 4
    report["summary"] = speed.summarise(report["sizes"], ["torch", "numpy-ml"])
    assert [met for _, met in speed.verdict(report)] == [False] * 4


def test_the_table_names_machine_libraries_and_what_is_missing(report):
    text = speed.table(report)
    for part in (
        "P, 2 cores, 2 threads each",
        "torch: 1",
        "readable is missing: it is gone",
        "0.75",
    ):
        assert part in text
    assert "quiet machine" not in text
    report["machine"]["load_before"] = 3.0
    assert "quiet machine" in speed.table(report)


def test_libraries_that_compute_other_numbers_are_refused():
    sums = {"fast": [1.0, 2.0], "torch": [1.0, 2.001]}
    speed.compare_sums("here", sums)
    with pytest.raises(RuntimeError, match="torch computes other numbers at here"):
        speed.compare_sums("here", sums | {"torch": [1.0, 2.01]})


def test_a_library_that_stops_says_why():
    library = speed.Library("nonsense", speed.sys.executable, 1)
    with pytest.raises(RuntimeError, match=r"(?s)nonsense stopped: .*KeyError"):
        library.ask("hello")
    library.close()


def test_committed_results_are_complete_and_were_measured_with_enough_samples():
    report = json.loads(speed.RESULTS.read_text())
    assert [tuple(entry["size"]) for entry in report["sizes"]] == [*speed.SIZES, speed.LARGEST]
    names = list(report["versions"])
    for entry in report["sizes"]:
        for mode in speed.MODES:
            assert list(entry[mode]) == names
            assert all(found["samples"] >= speed.AT_LEAST for found in entry[mode].values())
    assert report["summary"] == speed.summarise(report["sizes"], names[1:])
    assert report["missing"] == {}
