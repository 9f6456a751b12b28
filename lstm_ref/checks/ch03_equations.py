"""Assignment 03: the LSTM, equation by equation."""

from collections.abc import Callable

import numpy as np

from lstm_ref.cells import forget_gate, input_gate, lstm_step, output_gate, update_cell
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, as_float32
from lstm_ref.checks.inputs import bias, normal, parameters, weight
from lstm_ref.checks.mistakes.ch03_equations import mistakes
from lstm_ref.checks.runner import Assignment
from lstm_ref.layers import count_parameters, lstm_forward
from lstm_ref.params import LSTMParams

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator


def _gate(batch: int, inputs: int, units: int, pairs: int = 1, scale: float = 1.0) -> CaseMaker:
    """Make ``h, x`` and as many pairs ``W, b`` as asked for."""

    def make(rng: Rng) -> Case:
        h, x = np.tanh(normal(rng, batch, units)), normal(rng, batch, inputs)
        pair = [
            a * scale for _ in range(pairs) for a in (weight(rng, units, inputs), bias(rng, units))
        ]
        return Case((h, x, *pair), about="extreme weights" if scale > 1 else "")

    return make


def _output(batch: int, inputs: int, units: int, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        case = _gate(batch, inputs, units, scale=scale)(rng)
        h, x, W_o, b_o = case.args
        return Case((h, x, 2 * normal(rng, batch, units), W_o, b_o), about=case.about)

    return make


def _update(batch: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        shape = (batch, units)
        f, i = rng.uniform(0.05, 0.95, shape), rng.uniform(0.05, 0.95, shape)
        return Case((f, 3 * normal(rng, *shape), i, rng.uniform(-1, 1, shape)))

    return make


def _step(batch: int, inputs: int, units: int, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        x = scale * normal(rng, batch, inputs)
        h, c = np.tanh(normal(rng, batch, units)), 2 * normal(rng, batch, units)
        about = "extreme inputs" if scale > 1 else ""
        return Case((x, h, c, parameters(LSTMParams, rng, units, inputs)), about=about)

    return make


def _forward(
    steps: int,
    batch: int,
    inputs: int,
    units: int,
    lengths: Callable[[Rng], list[int]] | None = None,
    about: str = "",
) -> CaseMaker:
    def make(rng: Rng) -> Case:
        xs = normal(rng, steps, batch, inputs)
        h0, c0 = np.tanh(normal(rng, batch, units)), 2 * normal(rng, batch, units)
        args = (xs, h0, c0, parameters(LSTMParams, rng, units, inputs))
        return Case(args if lengths is None else (*args, np.array(lengths(rng))), about=about)

    return make


def _sizes(input_size: int, hidden_size: int) -> CaseMaker:
    return lambda rng: Case((input_size, hidden_size))


def _mixed(rng: Rng) -> list[int]:
    """Lengths of five sequences of at most seven steps: none, one, some, all but one, all."""
    return [int(n) for n in rng.permutation([0, 1, 4, 6, 7])]


ASSIGNMENT = Assignment(
    "03-equations",
    [
        Exercise(
            reference=forget_gate,
            returns="f",
            visible=(_gate(2, 3, 5), _gate(3, 2, 2)),
            hidden={
                "": (
                    _gate(7, 11, 5),
                    _gate(1, 2, 3),
                    _gate(5, 3, 13),
                    as_float32(_gate(3, 7, 5)),
                    _gate(3, 2, 5, scale=2000.0),
                )
            },
            misconceptions=mistakes.of("forget_gate"),
        ),
        Exercise(
            reference=input_gate,
            returns=("i", "candidate"),
            visible=(_gate(2, 3, 5, 2), _gate(3, 2, 2, 2)),
            hidden={
                "": (
                    _gate(7, 11, 5, 2),
                    _gate(1, 2, 3, 2),
                    _gate(5, 3, 13, 2),
                    as_float32(_gate(3, 7, 5, 2)),
                    _gate(3, 2, 5, 2, scale=2000.0),
                )
            },
            misconceptions=mistakes.of("input_gate"),
        ),
        Exercise(
            reference=update_cell,
            returns="c_next",
            visible=(_update(2, 3), _update(5, 2)),
            hidden={"": (_update(7, 3), _update(1, 11), _update(5, 5), as_float32(_update(3, 13)))},
            misconceptions=mistakes.of("update_cell"),
        ),
        Exercise(
            reference=output_gate,
            returns=("o", "h_next"),
            visible=(_output(2, 3, 5), _output(3, 2, 2)),
            hidden={
                "": (
                    _output(7, 11, 5),
                    _output(1, 2, 3),
                    _output(5, 3, 13),
                    as_float32(_output(3, 7, 5)),
                    _output(3, 2, 5, scale=2000.0),
                )
            },
            misconceptions=mistakes.of("output_gate"),
        ),
        Exercise(
            reference=lstm_step,
            returns=("h_next", "c_next"),
            visible=(_step(2, 3, 5), _step(3, 2, 2)),
            hidden={
                "": (
                    _step(7, 11, 5),
                    _step(1, 2, 3),
                    _step(5, 3, 13),
                    as_float32(_step(3, 7, 5)),
                    _step(3, 2, 5, scale=1000.0),
                )
            },
            misconceptions=mistakes.of("lstm_step"),
        ),
        Exercise(
            reference=lstm_forward,
            returns=("hs", ("h_T", "c_T")),
            visible=(
                _forward(5, 2, 3, 7),
                _forward(3, 2, 2, 3, lambda rng: [3, 1], "lengths 3 and 1"),
            ),
            hidden={
                "": (
                    _forward(7, 3, 5, 11),
                    _forward(1, 5, 2, 3, about="a single step"),
                    _forward(11, 1, 3, 2, about="a batch of one"),
                    as_float32(_forward(5, 3, 2, 7)),
                ),
                "lengths": (
                    _forward(7, 5, 2, 3, _mixed, "lengths from 0 to T"),
                    _forward(5, 3, 7, 2, lambda rng: [2, 5, 3], "lengths of 2, 5 and 3"),
                    _forward(3, 2, 5, 7, lambda rng: [3, 3], "every length is T"),
                    _forward(3, 2, 3, 5, lambda rng: [0, 0], "every length is 0"),
                    as_float32(_forward(7, 5, 3, 2, _mixed, "lengths from 0 to T")),
                ),
            },
            misconceptions=mistakes.of("lstm_forward"),
        ),
        Exercise(
            reference=count_parameters,
            returns="the count",
            visible=(_sizes(3, 5), _sizes(2, 2)),
            hidden={"": (_sizes(1, 1), _sizes(7, 3), _sizes(11, 13), _sizes(128, 256))},
            misconceptions=mistakes.of("count_parameters"),
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
