"""Right answers with masks and silenced errors."""

import numpy as np


def sigmoid(z):
    z = np.array(z)
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def apply_gate(z, v):
    return v * sigmoid(z)


def carry(c0, f, i, candidate):
    contents = [np.asarray(c0)]
    for keep, admit, new in zip(f, i, candidate, strict=True):
        contents.append(keep * contents[-1] + admit * new)
    return np.array(contents[1:])


def half_life(f):
    with np.errstate(divide="ignore"):
        return np.abs(np.log(np.array(0.5, dtype=np.asarray(f).dtype)) / np.log(f))


def latch_params():
    row = lambda *w: np.array([w], dtype=float)  # noqa: E731
    number = lambda v: np.array([v], dtype=float)  # noqa: E731
    return [
        row(0, 0, -50),
        number(25),
        row(0, 0, 50),
        number(-25),
        row(0, 3, 0),
        number(0),
        row(0, 0, 0),
        number(25),
    ]
