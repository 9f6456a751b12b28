"""Assignment 02: a memory cell with valves."""

from typing import Any

import numpy as np

from lstm_ref import (
    LSTMParams,
    apply_gate,
    carry,
    half_life,
    latch_params,
    lstm_forward,
    sigmoid,
)
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, Misconception, Tolerance, as_float32
from lstm_ref.checks.inputs import normal
from lstm_ref.checks.mistakes.ch02_intuition import mistakes
from lstm_ref.checks.runner import Assignment

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator
NOTHING: frozenset[str] = frozenset()


def _z(*shape: int, scale: float = 3.0) -> CaseMaker:
    return lambda rng: Case((scale * normal(rng, *shape),))


def _fixed(*values: float, about: str = "") -> CaseMaker:
    return lambda rng: Case((np.array(values),), about=about)


def _number(value: float) -> CaseMaker:
    return lambda rng: Case((value,), about="a plain number")


def _gated(z_shape: tuple[int, ...], v_shape: tuple[int, ...], scale: float = 2.0) -> CaseMaker:
    return lambda rng: Case((scale * normal(rng, *z_shape), 3 * normal(rng, *v_shape)))


def _store(steps: int, *shape: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        full = (steps, *shape)
        f, i = rng.uniform(0.05, 0.95, full), rng.uniform(0.05, 0.95, full)
        return Case((2 + normal(rng, *shape), f, i, rng.uniform(-1, 1, full)))

    return make


def _forget(*shape: int) -> CaseMaker:
    return lambda rng: Case((rng.uniform(0.02, 0.98, shape),))


def _latch_trial(steps: int, trials: int) -> CaseMaker:
    """Sequences that start with a write, write again at random, and end in `steps` of noise."""

    def make(rng: Rng) -> Case:
        head = 31
        write = rng.random((head + steps, trials)) < 0.15
        write[0] = True
        write[head:] = False
        value = rng.uniform(-1, 1, write.shape)
        value = np.where(write, np.sign(rng.standard_normal(write.shape)), value)
        return Case((), about=f"up to {steps} steps after the last write", probe=(value, write))

    return make


def _judge_latch(outcome: Any, case: Case) -> str | Misconception | None:
    """Run the latch and say how its memory fails."""
    result = outcome.result
    try:
        params = LSTMParams(*(np.array(field, dtype=np.float64) for field in result))
    except (TypeError, ValueError):
        return f"an LSTMParams of eight arrays was expected, a {type(result).__name__} came"
    for name, field in zip(params._fields, params, strict=True):
        want = (1, 3) if name.startswith("W") else (1,)
        if field.shape != want:
            return f"{name} of shape {want} was expected (D = 2, H = 1), {field.shape} came"
        if not np.isfinite(field).all():
            return f"finite numbers were expected in {name}"
    return _judge_memory(params, *case.probe)


def _judge_memory(
    params: LSTMParams, value: np.ndarray[Any, Any], write: np.ndarray[Any, Any]
) -> str | Misconception | None:
    def named(name: str) -> Misconception:
        return mistakes.named("latch_params", name)

    steps, trials = value.shape
    zero = np.zeros((trials, 1))
    xs = np.stack([value, write.astype(float)], axis=2)  # (T, B, 2)
    hs = lstm_forward(xs, zero, zero, params)[0][:, :, 0]  # (T, B)
    last_write = np.maximum.accumulate(np.where(write, np.arange(steps)[:, None], 0))
    stored = np.take_along_axis(value, last_write, axis=0)  # (T, B)
    right = (np.sign(hs) == stored) & (np.abs(hs) >= 0.5)
    if right.all():
        return None
    first = ~right & (np.cumsum(~right, axis=0) == 1)  # the first failure of each trial
    at_write = first & write
    if (at_write & (np.arange(steps)[:, None] == 0)).any():
        signs = hs[0][at_write[0]] * value[0][at_write[0]]
        if (signs <= -0.25).all():
            return named("sign turned")
        return named("shown too weakly" if (signs > 0.25).all() else "nothing written")
    if at_write.any():
        return named("old value kept")
    # Nothing was written, yet the memory went: does it also go when the value is 0 throughout?
    quiet = np.zeros((steps, 2, 2))
    quiet[0, :, 0], quiet[0, :, 1] = [1, -1], 1
    held = lstm_forward(quiet, zero[:2], zero[:2], params)[0][:, :, 0]
    return named("memory fades" if (np.abs(held[-1]) < 0.5).any() else "noise gets in")


ASSIGNMENT = Assignment(
    "02-intuition",
    [
        Exercise(
            reference=sigmoid,
            returns="σ(z)",
            visible=(_z(5), _z(2, 3), _fixed(-1000.0, 0.0, 1000.0, about="z = −1000, 0, 1000")),
            hidden={
                "": (
                    _z(7, 3, 2),
                    _z(11, scale=30.0),
                    _number(0.5),
                    _number(-2.0),
                    _fixed(-1000.0, -745.0, -40.0, 40.0, 745.0, 1000.0, about="far from zero"),
                    as_float32(_z(5, 3)),
                    as_float32(_fixed(-1000.0, -100.0, 100.0, 1000.0, about="far from zero")),
                )
            },
            misconceptions=mistakes.of("sigmoid"),
            may_use=NOTHING,
            tolerance=Tolerance(absolute=1e-12, relative=0.0, single=1e-6),
        ),
        Exercise(
            reference=apply_gate,
            returns="the gated value",
            visible=(_gated((2, 3), (2, 3)), _gated((5,), (5,))),
            hidden={
                "": (
                    _gated((7, 3), (7, 3)),
                    _gated((3,), (5, 3)),
                    _gated((5, 1), (5, 2)),
                    as_float32(_gated((3, 5), (3, 5))),
                    _gated((2, 7), (2, 7), scale=1000.0),
                )
            },
            misconceptions=mistakes.of("apply_gate"),
            may_use=NOTHING,
        ),
        Exercise(
            reference=carry,
            returns="the contents",
            visible=(_store(3, 2), _store(5, 2, 3)),
            hidden={
                "": (
                    _store(7, 3, 5),
                    _store(1, 2),
                    _store(13, 1),
                    _store(31, 2, 3, 2),
                    as_float32(_store(5, 3, 2)),
                )
            },
            misconceptions=mistakes.of("carry"),
        ),
        Exercise(
            reference=half_life,
            returns="the half-life",
            visible=(_fixed(0.5, 0.25, 0.9), _fixed(0.0, 1.0, about="f = 0 and f = 1")),
            hidden={
                "": (
                    _forget(7),
                    _forget(3, 5),
                    _fixed(0.0, 0.3, 1.0, 0.99, about="f = 0 and f = 1 among others"),
                    _fixed(0.999999, about="f close to 1"),
                    as_float32(_forget(5)),
                )
            },
            misconceptions=mistakes.of("half_life"),
            tolerance=Tolerance(single=1e-3),
        ),
        Exercise(
            reference=latch_params,
            returns="an LSTMParams",
            visible=(_latch_trial(97, 7),),
            hidden={"": (_latch_trial(1000, 61),)},
            misconceptions=mistakes.of("latch_params"),
            judge=_judge_latch,
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
