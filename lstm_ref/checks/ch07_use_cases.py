"""Assignment 07: from data to a trained LSTM."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_ref import (
    LSTMParams,
    anomaly_scores,
    fast,
    make_windows,
    sample_token,
    softmax_cross_entropy,
    standardize,
    train_adder,
)
from lstm_ref.checks.calling import RemoteFunction
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, Misconception, Tolerance, as_float32
from lstm_ref.checks.inputs import normal
from lstm_ref.checks.mistakes.ch07_use_cases import mistakes
from lstm_ref.checks.runner import Assignment
from lstm_ref.params import Array

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator
DRAWS = 800


def _features(*rows: int, features: int, constant: bool = False) -> CaseMaker:
    def make(rng: Rng) -> Case:
        offset, scale = 5 * normal(rng, features), rng.uniform(0.5, 4, features)
        arrays = [offset + scale * (normal(rng, n, features) + k) for k, n in enumerate(rows)]
        if constant:
            for array in arrays:
                array[:, 1] = 2.5
        return Case(tuple(arrays), about="a constant feature" if constant else "")

    return make


def _series(length: int, features: int, window: int, horizon: int) -> CaseMaker:
    return lambda rng: Case((normal(rng, length, features), window, horizon))


def _logits(
    steps: int, batch: int, classes: int, masked: bool = False, scale: float = 2.0
) -> CaseMaker:
    def make(rng: Rng) -> Case:
        logits = scale * normal(rng, steps, batch, classes)
        targets = rng.integers(classes, size=(steps, batch))
        if not masked:
            return Case((logits, targets), about="logits of ±1000" if scale > 100 else "")
        mask = rng.random((steps, batch)) < 0.6
        mask.flat[:2] = True, False
        return Case((logits, targets, mask), about="with a mask")

    return make


def _count(temperature: float) -> int:
    """Return how many draws show the frequencies; without chance a few show that it is absent."""
    return DRAWS if temperature else 20


def _draws(classes: int, temperature: float, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        logits = scale * normal(rng, classes)
        about = f"{_count(temperature)} draws"
        return Case((logits, temperature, np.random.default_rng(rng)), about=about)

    return make


def _draw_often(sample: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(sample, RemoteFunction):
        return sample.repeated(lambda logits, temperature, rng: _count(temperature))

    def draws(logits: Array, temperature: float, rng: Rng) -> list[Any]:
        return [sample(logits, temperature, rng) for _ in range(_count(temperature))]

    return draws


def _probabilities(logits: Array) -> Array:
    e = np.exp(logits.astype(float) - logits.max())
    return np.asarray(e / e.sum())


def _deviation(counts: Array, p: Array) -> float:
    """Return Pearson's statistic of counts against probabilities; impossible draws give inf."""
    expected = counts.sum() * p
    likely = expected > 1e-3
    if counts[~likely].any():
        return np.inf
    return float(np.sum((counts[likely] - expected[likely]) ** 2 / np.maximum(expected[likely], 1)))


ACCEPTED = 80.0  # a right answer exceeds it less than once in 10¹² times, at up to 11 classes


def _judge_draws(outcome: Any, case: Case) -> str | Misconception | None:
    """Compare the frequencies of many draws with the softmax, or with what mistakes give."""
    logits, temperature, rng = case.args
    try:
        tokens = [operator.index(token) for token in outcome.result]
    except TypeError:
        return f"an int was expected, a {type(outcome.result[0]).__name__} came"
    if min(tokens) < 0 or max(tokens) >= logits.size:
        return f"a class from 0 to {logits.size - 1} was expected, {max(tokens)} came"
    counts = np.bincount(np.array(tokens, dtype=np.intp), minlength=logits.size).astype(float)
    largest = np.zeros(logits.size)
    largest[np.argmax(logits)] = 1
    if temperature == 0:
        same = np.array_equal(counts, len(tokens) * largest)
        return None if same else "temperature 0: the largest logit was expected every time"
    if outcome.args[2].bit_generator.state == rng.bit_generator.state:
        always = np.array_equal(counts, len(tokens) * largest)
        return mistakes.named("sample_token", "always the largest" if always else "rng not used")
    if _deviation(counts, _probabilities(logits / temperature)) <= ACCEPTED:
        return None
    for name, p in (
        ("temperature ignored", _probabilities(logits)),
        ("multiplied by the temperature", _probabilities(logits * temperature)),
        ("uniform", np.full(logits.size, 1 / logits.size)),
        ("always the largest", largest),
    ):
        if _deviation(counts, p) <= ACCEPTED:
            return mistakes.named("sample_token", name)
    return "the classes are not drawn with the probabilities of softmax(logits / temperature)"


def _errors(count: int, features: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        root = normal(rng, features, features) + 1.5 * np.eye(features)
        covariance = root @ root.T + 0.1 * np.eye(features)
        return Case((2 * normal(rng, count, features), normal(rng, features), covariance))

    return make


def _adding(sequences: int, below: float) -> CaseMaker:
    """Make fresh sequences of the adding problem; training gets a generator of its own."""

    def make(rng: Rng) -> Case:
        steps = 50
        value = rng.uniform(0, 1, (steps, sequences))
        marker = np.zeros_like(value)
        columns = np.arange(sequences)
        for half in (0, 1):
            marker[rng.integers(25 * half, 25 * (half + 1), sequences), columns] = 1
        probe = (np.stack([value, marker], axis=2), (value * marker).sum(axis=0), below)
        return Case((np.random.default_rng(20260101),), about="T = 50", probe=probe)

    return make


def _judge_adder(outcome: Any, case: Case) -> str | Misconception | None:
    """Measure the error on fresh sequences and say what kind of error it is."""
    xs, targets, below = case.probe
    try:
        fields, W_y, b_y = outcome.result
        params = LSTMParams(*(np.asarray(field, dtype=np.float64) for field in fields))
        W_y, b_y = np.asarray(W_y, dtype=np.float64), np.asarray(b_y, dtype=np.float64)
        hidden_size = params.b_f.shape[0]
        zero = np.zeros((xs.shape[1], hidden_size))
        h_T = fast.lstm_forward(xs, zero, zero, params)[1][0]
        predictions = (h_T @ W_y.reshape(1, hidden_size).T)[:, 0] + b_y.reshape(-1)[0]
    except (TypeError, ValueError, IndexError) as error:
        return f"(LSTMParams, W_y (1, H), b_y (1,)) was expected: {error}"
    return _judge_predictions(predictions, xs, targets, below)


def _judge_predictions(
    predictions: Array, xs: Array, targets: Array, below: float
) -> str | Misconception | None:
    error = float(np.mean((predictions - targets) ** 2))
    if error < below:
        return None
    marked = [
        np.sum(xs[half, :, 0] * xs[half, :, 1], axis=0) for half in (slice(25), slice(25, None))
    ]
    known = (
        [abs(float(np.corrcoef(predictions, v)[0, 1])) for v in marked]
        if np.ptp(predictions) > 1e-6
        else [0.0, 0.0]
    )
    others = np.corrcoef(predictions, xs[:, :, 0].sum(axis=0))[0, 1] if max(known) > 0 else 0.0
    if others > 0.8 and max(known) < 0.6:
        return mistakes.named("train_adder", "all values added")
    if known[1] > 0.5 and known[0] < 0.7 * known[1]:
        return mistakes.named("train_adder", "first value lost")
    if error > 0.2:
        return mistakes.named("train_adder", "untrained")
    if error > 0.13:
        return mistakes.named("train_adder", "mean predicted")
    return f"a mean squared error below {below} was expected on fresh sequences, {error:.4f} came"


ASSIGNMENT = Assignment(
    "07-use-cases",
    [
        Exercise(
            reference=standardize,
            returns="the result",
            visible=(_features(7, 5, features=3), _features(5, features=2)),
            hidden={
                "": (
                    _features(31, 7, 11, features=3),
                    _features(13, 5, features=3, constant=True),
                    _features(5, 3, features=5),
                    as_float32(_features(11, 7, features=2)),
                )
            },
            misconceptions=mistakes.of("standardize"),
            tolerance=Tolerance(single=1e-4),
        ),
        Exercise(
            reference=make_windows,
            returns=("X", "y"),
            visible=(_series(11, 2, 3, 1), _series(13, 3, 5, 2)),
            hidden={
                "": (
                    _series(31, 3, 7, 5),
                    _series(17, 1, 2, 3),
                    _series(7, 2, 5, 2),
                    _series(11, 5, 1, 1),
                    as_float32(_series(13, 2, 3, 2)),
                )
            },
            misconceptions=mistakes.of("make_windows"),
        ),
        Exercise(
            reference=softmax_cross_entropy,
            returns=("loss", "dlogits"),
            visible=(_logits(2, 3, 5), _logits(3, 2, 2, masked=True)),
            hidden={
                "": (
                    _logits(7, 3, 11),
                    _logits(1, 1, 2),
                    _logits(5, 2, 3, scale=1000.0),
                    as_float32(_logits(5, 3, 7)),
                ),
                "mask": (
                    _logits(7, 5, 3, masked=True),
                    _logits(3, 11, 2, masked=True),
                    as_float32(_logits(5, 3, 7, masked=True)),
                ),
            },
            misconceptions=mistakes.of("softmax_cross_entropy"),
        ),
        Exercise(
            reference=sample_token,
            returns="the class",
            visible=(_draws(5, 0.5), _draws(3, 0.0)),
            hidden={
                "": (
                    _draws(7, 0.4),
                    _draws(11, 2.5),
                    _draws(2, 3.0),
                    _draws(5, 0.0),
                    _draws(5, 1.0, scale=1000.0),
                )
            },
            misconceptions=mistakes.of("sample_token"),
            judge=_judge_draws,
            adapt=_draw_often,
        ),
        Exercise(
            reference=anomaly_scores,
            returns="the scores",
            visible=(_errors(3, 2), _errors(5, 3)),
            hidden={"": (_errors(31, 5), _errors(1, 3), _errors(3, 11), as_float32(_errors(7, 2)))},
            misconceptions=mistakes.of("anomaly_scores"),
            tolerance=Tolerance(absolute=1e-7, relative=1e-7, single=1e-2),
        ),
        Exercise(
            reference=train_adder,
            returns="(LSTMParams, W_y, b_y)",
            visible=(_adding(499, below=0.05),),
            hidden={"": (_adding(4999, below=0.05),), "full": (_adding(4999, below=0.01),)},
            misconceptions=mistakes.of("train_adder"),
            may_use=None,  # the building blocks are the point; the answer itself is not for use
            judge=_judge_adder,
            seconds=60.0,
            repeatable=False,
            once=True,
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
