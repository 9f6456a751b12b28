"""Assignment 05: design patterns and variants."""

import numpy as np

from lstm_ref import (
    GRUParams,
    LSTM1997Params,
    LSTMParams,
    PeepholeParams,
    bidirectional_forward,
    gru_step,
    lstm1997_step,
    parameter_counts,
    peephole_step,
    stacked_forward,
)
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, as_float32
from lstm_ref.checks.inputs import normal, parameters
from lstm_ref.checks.mistakes.ch05_variants import mistakes
from lstm_ref.checks.runner import Assignment

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator
BUILDING_BLOCKS = frozenset({"sigmoid", "lstm_step", "lstm_forward"})


def _gru(batch: int, inputs: int, units: int, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        x, h = scale * normal(rng, batch, inputs), np.tanh(normal(rng, batch, units))
        about = "extreme inputs" if scale > 1 else ""
        return Case((x, h, parameters(GRUParams, rng, units, inputs)), about=about)

    return make


def _cell(kind: type, batch: int, inputs: int, units: int, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        x = scale * normal(rng, batch, inputs)
        h, c = np.tanh(normal(rng, batch, units)), 2 * normal(rng, batch, units)
        about = "extreme inputs" if scale > 1 else ""
        return Case((x, h, c, parameters(kind, rng, units, inputs)), about=about)

    return make


def _both(steps: int, batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        pair = [parameters(LSTMParams, rng, units, inputs) for _ in range(2)]
        return Case((normal(rng, steps, batch, inputs), *pair))

    return make


def _layers(steps: int, batch: int, inputs: int, *units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        widths = (inputs, *units)
        layers = [parameters(LSTMParams, rng, widths[k + 1], widths[k]) for k in range(len(units))]
        return Case((normal(rng, steps, batch, inputs), layers), about=f"layers of {units}")

    return make


def _sizes(input_size: int, hidden_size: int) -> CaseMaker:
    return lambda rng: Case((input_size, hidden_size))


ASSIGNMENT = Assignment(
    "05-variants",
    [
        Exercise(
            reference=gru_step,
            returns="h_next",
            visible=(_gru(2, 3, 5), _gru(3, 2, 2)),
            hidden={
                "": (
                    _gru(7, 11, 5),
                    _gru(1, 2, 3),
                    _gru(5, 3, 13),
                    as_float32(_gru(3, 7, 5)),
                    _gru(3, 2, 5, scale=1000.0),
                )
            },
            misconceptions=mistakes.of("gru_step"),
        ),
        Exercise(
            reference=peephole_step,
            returns=("h_next", "c_next"),
            visible=(_cell(PeepholeParams, 2, 3, 5), _cell(PeepholeParams, 3, 2, 2)),
            hidden={
                "": (
                    _cell(PeepholeParams, 7, 11, 5),
                    _cell(PeepholeParams, 1, 2, 3),
                    _cell(PeepholeParams, 5, 3, 13),
                    as_float32(_cell(PeepholeParams, 3, 7, 5)),
                    _cell(PeepholeParams, 3, 2, 5, scale=1000.0),
                )
            },
            misconceptions=mistakes.of("peephole_step"),
        ),
        Exercise(
            reference=lstm1997_step,
            returns=("h_next", "c_next"),
            visible=(_cell(LSTM1997Params, 2, 3, 5), _cell(LSTM1997Params, 3, 2, 2)),
            hidden={
                "": (
                    _cell(LSTM1997Params, 7, 11, 5),
                    _cell(LSTM1997Params, 1, 2, 3),
                    _cell(LSTM1997Params, 5, 3, 13),
                    as_float32(_cell(LSTM1997Params, 3, 7, 5)),
                    _cell(LSTM1997Params, 3, 2, 5, scale=1000.0),
                )
            },
            misconceptions=mistakes.of("lstm1997_step"),
        ),
        Exercise(
            reference=bidirectional_forward,
            returns="the result",
            visible=(_both(3, 2, 5, 2), _both(5, 3, 2, 3)),
            hidden={
                "": (
                    _both(7, 3, 5, 11),
                    _both(1, 5, 2, 3),
                    _both(11, 1, 3, 2),
                    as_float32(_both(5, 3, 2, 7)),
                )
            },
            misconceptions=mistakes.of("bidirectional_forward"),
            may_use=BUILDING_BLOCKS,
        ),
        Exercise(
            reference=stacked_forward,
            returns=("hs", "states"),
            visible=(_layers(3, 2, 5, 3, 3), _layers(5, 3, 2, 3, 2)),
            hidden={
                "": (
                    _layers(7, 3, 5, 2, 11, 3),
                    _layers(1, 5, 2, 3, 3),
                    _layers(5, 1, 3, 2, 2, 2),
                    _layers(5, 2, 3, 7),
                    as_float32(_layers(5, 3, 2, 7, 5)),
                )
            },
            misconceptions=mistakes.of("stacked_forward"),
            may_use=BUILDING_BLOCKS,
        ),
        Exercise(
            reference=parameter_counts,
            returns="the counts",
            visible=(_sizes(3, 5), _sizes(2, 2)),
            hidden={"": (_sizes(1, 1), _sizes(7, 3), _sizes(11, 13), _sizes(128, 256))},
            misconceptions=mistakes.of("parameter_counts"),
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
