"""Assignment 01: why plain recurrent networks forget."""

import numpy as np

from lstm_ref import clip_by_global_norm, gradient_norms, rnn_forward, rnn_jacobian, rnn_step
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, as_float32
from lstm_ref.checks.inputs import bias, normal, weight
from lstm_ref.checks.mistakes.ch01_forgetting_problem import mistakes
from lstm_ref.checks.runner import Assignment

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator


def _step(batch: int, inputs: int, units: int, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        x, h = scale * normal(rng, batch, inputs), np.tanh(normal(rng, batch, units))
        about = "extreme inputs" if scale > 1 else ""
        return Case((x, h, weight(rng, units, inputs), bias(rng, units)), about=about)

    return make


def _forward(steps: int, batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        xs, h0 = normal(rng, steps, batch, inputs), np.tanh(normal(rng, batch, units))
        return Case((xs, h0, weight(rng, units, inputs), bias(rng, units)))

    return make


def _jacobian(batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        return Case((np.tanh(normal(rng, batch, units)), weight(rng, units, inputs)))

    return make


def _jacobians(steps: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        return Case((normal(rng, steps, units, units) / np.sqrt(units),))

    return make


def _gradients(*shapes: tuple[int, ...], part: float = 0.5, size: float = 1.0) -> CaseMaker:
    """Make arrays of given shapes; `max_norm` is `part` of their global norm."""

    def make(rng: Rng) -> Case:
        names = ("W", "b", "U", "V")
        grads = {
            name: size * normal(rng, *shape) for name, shape in zip(names, shapes, strict=False)
        }
        norm = np.sqrt(sum(float(np.sum(value**2)) for value in grads.values()))
        about = "below max_norm" if part > 1 else ""
        return Case((grads, float(part * norm) if size else 1.0), about=about or "")

    return make


ASSIGNMENT = Assignment(
    "01-forgetting-problem",
    [
        Exercise(
            reference=rnn_step,
            returns="h_next",
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
            misconceptions=mistakes.of("rnn_step"),
        ),
        Exercise(
            reference=rnn_forward,
            returns="the result",
            visible=(_forward(3, 2, 3, 5), _forward(5, 3, 2, 2)),
            hidden={
                "": (
                    _forward(7, 3, 5, 11),
                    _forward(1, 5, 2, 3),
                    _forward(11, 1, 3, 2),
                    as_float32(_forward(5, 3, 2, 7)),
                )
            },
            misconceptions=mistakes.of("rnn_forward"),
        ),
        Exercise(
            reference=rnn_jacobian,
            returns="the Jacobian",
            visible=(_jacobian(2, 3, 5), _jacobian(3, 5, 2)),
            hidden={
                "": (
                    _jacobian(7, 2, 5),
                    _jacobian(1, 11, 3),
                    _jacobian(5, 3, 13),
                    as_float32(_jacobian(3, 2, 7)),
                )
            },
            misconceptions=mistakes.of("rnn_jacobian"),
        ),
        Exercise(
            reference=gradient_norms,
            returns="the norms",
            visible=(_jacobians(3, 2), _jacobians(5, 5)),
            hidden={
                "": (
                    _jacobians(7, 3),
                    _jacobians(1, 5),
                    _jacobians(31, 11),
                    as_float32(_jacobians(5, 7)),
                )
            },
            misconceptions=mistakes.of("gradient_norms"),
        ),
        Exercise(
            reference=clip_by_global_norm,
            returns=("clipped", "norm"),
            visible=(
                _gradients((2, 3), (5,)),
                _gradients((2, 3), (5,), part=2.0),
            ),
            hidden={
                "": (
                    _gradients((3, 7), (3,), (5, 2), part=0.1),
                    _gradients((11,), part=0.9),
                    _gradients((3, 7), (3,), (2, 2, 5), part=3.0),
                    _gradients((3, 2), (5,), size=0.0),
                    as_float32(_gradients((5, 3), (7,), part=0.3)),
                    as_float32(_gradients((5, 3), (7,), part=5.0)),
                )
            },
            misconceptions=mistakes.of("clip_by_global_norm"),
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
