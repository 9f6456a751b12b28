"""Assignment 04: back-propagation through time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_ref import (
    LSTMParams,
    carousel_gradient,
    init_lstm_params,
    lstm_backward,
    lstm_step_backward,
    lstm_step_cached,
    numerical_gradient,
)
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, Misconception, Tolerance, as_float32
from lstm_ref.checks.inputs import normal, parameters
from lstm_ref.checks.mistakes.ch04_gradient_flow import mistakes
from lstm_ref.checks.runner import Assignment
from lstm_ref.params import Array, LSTMCache

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator


def _run(
    rng: Rng, steps: int, batch: int, inputs: int, units: int
) -> tuple[list[LSTMCache], LSTMParams]:
    """Run an LSTM forwards on random inputs and keep its caches."""
    params = parameters(LSTMParams, rng, units, inputs)
    h, c = np.tanh(normal(rng, batch, units)), normal(rng, batch, units)
    caches = []
    for _ in range(steps):
        h, cache = lstm_step_cached(normal(rng, batch, inputs), h, c, params)
        c = cache.c_next
        caches.append(cache)
    return caches, params


def _step(batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        (cache,), params = _run(rng, 1, batch, inputs, units)
        return Case((normal(rng, batch, units), normal(rng, batch, units), cache, params))

    return make


def _time(steps: int, batch: int, inputs: int, units: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        caches, params = _run(rng, steps, batch, inputs, units)
        return Case((normal(rng, steps, batch, units), caches, params))

    return make


def _wave(x: Array) -> float:
    return float(np.sum(np.sin(3 * x)) + np.sum(x) ** 3)


def _cubes(x: Array) -> float:
    return float(np.sum(np.arange(1, x.size + 1).reshape(x.shape) * x**3))


def _mixed(x: Array) -> float:
    return float(np.prod(np.cos(x)) + np.sum(x[..., :1] * x))


def _difference(f: Callable[[Array], float], *shape: int, eps: float | None = None) -> CaseMaker:
    def make(rng: Rng) -> Case:
        args = (f, rng.uniform(-1, 1, shape))
        return Case(
            args if eps is None else (*args, eps), about="" if eps is None else f"ε = {eps}"
        )

    return make


def _gates(*shape: int) -> CaseMaker:
    return lambda rng: Case((rng.uniform(0.05, 0.99, shape),))


def _sizes(input_size: int, hidden_size: int, *forget_bias: float) -> CaseMaker:
    return lambda rng: Case((np.random.default_rng(rng), input_size, hidden_size, *forget_bias))


def _judge_init(outcome: Any, case: Case) -> str | Misconception | None:
    """Judge drawn parameters by what every right draw has in common."""
    rng, input_size, hidden_size, *rest = case.args
    forget_bias = rest[0] if rest else 1.0
    fault = _judge_layout(outcome.result, input_size, hidden_size)
    if fault is not None:
        return fault
    params = LSTMParams(*outcome.result)
    if outcome.args[0].bit_generator.state == rng.bit_generator.state:
        return mistakes.named("init_lstm_params", "rng not used")
    if not np.all(params.b_f == forget_bias):
        return mistakes.named("init_lstm_params", "forget bias left at zero")
    if any(np.any(b != 0) for b in (params.b_i, params.b_c, params.b_o)):
        return mistakes.named("init_lstm_params", "forget bias everywhere")
    return _judge_weights([params.W_f, params.W_i, params.W_c, params.W_o], hidden_size)


def _judge_layout(result: Any, input_size: int, hidden_size: int) -> str | Misconception | None:
    names = LSTMParams._fields
    if not isinstance(result, (tuple, list)) or len(result) != len(names):
        return f"an LSTMParams was expected, a {type(result).__name__} came"
    shape = (hidden_size, hidden_size + input_size)
    for name, field in zip(names, result, strict=True):
        want = shape if name.startswith("W") else (hidden_size,)
        if not isinstance(field, np.ndarray) or field.dtype != np.float64:
            return f"{name} as an array of float64 was expected"
        if field.shape == want[::-1] != want:
            return mistakes.named("init_lstm_params", "shapes turned")
        if field.shape != want:
            return f"{name} of shape {want} was expected, {field.shape} came"
    return None


def _judge_weights(weights: list[Array], hidden_size: int) -> Misconception | None:
    """Compare the weights with a uniform distribution in ±1/√H, and with each other."""
    flat = np.stack([w.ravel() for w in weights])
    bound = 1 / np.sqrt(hidden_size)
    if flat.min() >= 0 or flat.max() <= 0:
        return mistakes.named("init_lstm_params", "positive weights only")
    largest = np.abs(flat).max()
    # The share of weights below each of its quantiles: a uniform draw has a straight line.
    share = (np.sort(np.abs(flat), axis=None) / largest)[:: max(1, flat.size // 97)]
    bent = np.abs(share - np.linspace(0, 1, share.size)).max()
    if bent > 0.1:
        return mistakes.named("init_lstm_params", "normal distribution")
    if largest > bound or largest < 0.97 * bound:
        return mistakes.named("init_lstm_params", "bound of another size")
    alike = np.abs(np.asarray(np.corrcoef(flat))[np.triu_indices(4, 1)]).max()
    return mistakes.named("init_lstm_params", "same weights for all gates") if alike > 0.5 else None


STEP_RESULT = ("dx", "dh", "dc", "grads")
GENTLE = Tolerance(absolute=1e-8, relative=1e-8, single=1e-4)

ASSIGNMENT = Assignment(
    "04-gradient-flow",
    [
        Exercise(
            reference=lstm_step_backward,
            returns=STEP_RESULT,
            visible=(_step(2, 3, 5), _step(3, 2, 2)),
            hidden={
                "": (_step(7, 11, 5), _step(1, 2, 3), _step(5, 3, 13), as_float32(_step(3, 7, 5)))
            },
            misconceptions=mistakes.of("lstm_step_backward"),
            tolerance=GENTLE,
        ),
        Exercise(
            reference=lstm_backward,
            returns=("dxs", "dh0", "dc0", "grads"),
            visible=(_time(3, 2, 3, 5), _time(5, 3, 2, 2)),
            hidden={
                "": (
                    _time(7, 3, 5, 11),
                    _time(1, 5, 2, 3),
                    _time(13, 1, 3, 2),
                    as_float32(_time(5, 3, 2, 7)),
                )
            },
            misconceptions=mistakes.of("lstm_backward"),
            tolerance=GENTLE,
        ),
        Exercise(
            reference=numerical_gradient,
            returns="the gradient",
            visible=(_difference(_wave, 3), _difference(_cubes, 2, 3)),
            hidden={
                "": (
                    _difference(_wave, 2, 3, 2),
                    _difference(_mixed, 5, 3),
                    _difference(_cubes, 1),
                    _difference(_cubes, 7, eps=1e-2),
                )
            },
            misconceptions=mistakes.of("numerical_gradient"),
            tolerance=Tolerance(absolute=1e-7, relative=1e-7),
        ),
        Exercise(
            reference=carousel_gradient,
            returns="the gradients",
            visible=(_gates(3, 2), _gates(5)),
            hidden={
                "": (
                    _gates(7, 3, 5),
                    _gates(1, 2),
                    _gates(31, 2, 3),
                    as_float32(_gates(5, 3, 2)),
                )
            },
            misconceptions=mistakes.of("carousel_gradient"),
        ),
        Exercise(
            reference=init_lstm_params,
            returns="an LSTMParams",
            visible=(_sizes(53, 101),),
            hidden={"": (_sizes(31, 127, 5.0), _sizes(151, 37), _sizes(2, 89, -0.5))},
            misconceptions=mistakes.of("init_lstm_params"),
            judge=_judge_init,
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
