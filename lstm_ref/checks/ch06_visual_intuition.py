"""Assignment 06: the conveyor belt, recorded and drawn."""

import itertools
from typing import Any

import numpy as np

from lstm_ref import LSTMParams, belt_contributions, gate_trace, plot_belt, plot_gate_heatmap
from lstm_ref.checks.artists import describe_bands, describe_grid, drawn_by
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, Misconception, as_float32
from lstm_ref.checks.inputs import normal, parameters
from lstm_ref.checks.mistakes.ch06_visual_intuition import mistakes
from lstm_ref.checks.runner import Assignment
from lstm_ref.params import Array

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator


def _run(steps: int, batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        xs = normal(rng, steps, batch, inputs)
        h0, c0 = np.tanh(normal(rng, batch, units)), normal(rng, batch, units)
        return Case((xs, h0, c0, parameters(LSTMParams, rng, units, inputs)))

    return make


def _unit(steps: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        f, i = rng.uniform(0.2, 0.95, steps), rng.uniform(0.1, 0.9, steps)
        return Case((f, i, rng.uniform(-1, 1, steps), float(1 + rng.random())))

    return make


def _gate(steps: int, units: int) -> CaseMaker:
    return lambda rng: Case((rng.uniform(0.1, 0.8, (steps, units)),))


def _belt(steps: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        return Case((belt_contributions(*_unit(steps)(rng).args),))

    return make


def _judge_text(function: str, text: dict[str, str]) -> Misconception | None:
    if all(text.values()):
        return None
    return mistakes.named(function, "something left unlabelled")


def _judge_heatmap(outcome: Any, case: Case) -> str | Misconception | None:
    """Compare what is seen, from the top left, with time running right and units down."""
    (gate,), seen = case.args, outcome.result

    def shows(values: Array) -> bool:
        return seen["grid"].shape == values.shape and np.allclose(seen["grid"], values)

    if seen["grid"] is None:
        return "no heat map was found on ax: imshow and pcolormesh draw one"
    if not shows(gate.T):
        if shows(gate) or shows(gate[::-1]):
            return mistakes.named("plot_gate_heatmap", "time runs down")
        if shows(gate.T[::-1]):
            return mistakes.named("plot_gate_heatmap", "units run up")
        return "the picture does not show the values of gate, time to the right, units down"
    if not np.allclose(seen["limits"], [0, 1]):
        return mistakes.named("plot_gate_heatmap", "colours fitted to the data")
    if not seen["returned"]:
        return mistakes.named("plot_gate_heatmap", "image not returned")
    return _judge_text("plot_gate_heatmap", seen["text"])


def _heights_at(bands: list[Any], x: float) -> list[tuple[float, float]]:
    """Return the spans of all bands at `x`, from the bottom up, without empty ones."""
    spans = [(low, high) for band in bands for at, low, high in band if abs(at - x) < 0.25]
    return sorted(span for span in spans if span[1] - span[0] > 1e-9)


def _stacked_on(spans: list[tuple[float, float]], heights: Array) -> bool:
    """Tell whether spans fill 0 to the sum of the heights without gap, overlap or difference."""
    want = np.sort(heights[heights > 1e-9])
    have = np.sort([high - low for low, high in spans])
    if want.shape != have.shape or not np.allclose(want, have, atol=1e-6):
        return False
    edges = [0.0, *(high for _, high in spans)]
    return np.allclose([low for low, _ in spans], edges[:-1], atol=1e-6)


def _judge_belt(outcome: Any, case: Case) -> str | Misconception | None:
    """Compare the bands with the contributions; time may be counted from 0 or from 1."""
    (contributions,), seen = case.args, outcome.result

    def shows(columns: Array, first: int) -> bool:
        rows = enumerate(columns)
        return all(_stacked_on(_heights_at(seen["bands"], t + first), row) for t, row in rows)

    heights = np.abs(contributions)
    alternatives = {
        "one band only": heights.sum(axis=1, keepdims=True),
        "initial content left out": heights[:, 1:],
        "shares for heights": heights / heights.sum(axis=1, keepdims=True),
    }
    if not seen["bands"]:
        return mistakes.named("plot_belt", "lines for bands")
    if any(shows(heights, first) for first in (0, 1)):
        return _judge_text("plot_belt", seen["text"])
    for name, columns in alternatives.items():
        if any(shows(columns, first) for first in (0, 1)):
            return mistakes.named("plot_belt", name)
    lows = [low for band in seen["bands"] for _, low, high in band if high - low > 1e-9]
    if all(abs(low) < 1e-9 for low in lows):
        return mistakes.named("plot_belt", "bands not stacked")
    if min(lows) < -1e-9 or _overlap(seen["bands"]):
        return mistakes.named("plot_belt", "signs kept")
    return "the bands do not have the heights of abs(contributions), one band a column, stacked"


def _overlap(bands: list[Any]) -> bool:
    """Tell whether two bands lie over each other anywhere."""
    for x in {at for band in bands for at, _, _ in band}:
        spans = _heights_at(bands, x)
        if any(b[0] < a[1] - 1e-6 for a, b in itertools.pairwise(spans)):
            return True
    return False


ASSIGNMENT = Assignment(
    "06-visual-intuition",
    [
        Exercise(
            reference=gate_trace,
            returns="the trace",
            visible=(_run(3, 2, 5, 2), _run(5, 3, 2, 3)),
            hidden={
                "": (
                    _run(7, 3, 5, 11),
                    _run(1, 5, 2, 3),
                    _run(11, 1, 3, 2),
                    as_float32(_run(5, 3, 2, 7)),
                )
            },
            misconceptions=mistakes.of("gate_trace"),
        ),
        Exercise(
            reference=belt_contributions,
            returns="the contributions",
            visible=(_unit(2), _unit(5)),
            hidden={"": (_unit(7), _unit(1), _unit(31), as_float32(_unit(11)))},
            misconceptions=mistakes.of("belt_contributions"),
        ),
        Exercise(
            reference=plot_gate_heatmap,
            returns="the image",
            visible=(_gate(7, 3),),
            hidden={"": (_gate(11, 5), _gate(3, 7), _gate(5, 5), _gate(2, 2))},
            misconceptions=mistakes.of("plot_gate_heatmap"),
            judge=_judge_heatmap,
            adapt=drawn_by(describe_grid),
            repeatable=False,
        ),
        Exercise(
            reference=plot_belt,
            returns="the drawing",
            visible=(_belt(5),),
            hidden={"": (_belt(3), _belt(7), _belt(11))},
            misconceptions=mistakes.of("plot_belt"),
            judge=_judge_belt,
            adapt=drawn_by(describe_bands),
            repeatable=False,
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
