"""Assignment 08: where the gates went."""

import numpy as np

from lstm_ref import (
    content_addressing,
    gated_attention,
    gated_linear_unit,
    gated_residual_network,
    memory_write,
    scaled_dot_product_attention,
)
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, as_float32
from lstm_ref.checks.inputs import normal
from lstm_ref.checks.mistakes.ch08_legacy import mistakes
from lstm_ref.checks.runner import Assignment
from lstm_ref.params import GRNParams

__all__ = ["ASSIGNMENT", "hidden", "visible"]

Rng = np.random.Generator


def _pair(*shape: int, scale: float = 2.0) -> CaseMaker:
    return lambda rng: Case((3 * normal(rng, *shape), scale * normal(rng, *shape)))


def _attention(
    queries: int,
    keys: int,
    width: int,
    values: int,
    mask: str = "",
    gated: bool = False,
    scale: float = 1.0,
) -> CaseMaker:
    """Make queries, keys and values; `mask` is nothing, ``some`` or ``none in row 1``."""

    def make(rng: Rng) -> Case:
        args = [scale * normal(rng, queries, width), normal(rng, keys, width)]
        args.append(normal(rng, keys, values))
        if gated:
            args.append(2 * normal(rng, queries, values))
        if not mask:
            return Case(tuple(args), about="large scores" if scale > 1 else "")
        allowed = rng.random((queries, keys)) < 0.6
        allowed[np.arange(queries), rng.integers(keys, size=queries)] = True
        if mask != "some":
            allowed[1] = False
        about = "a mask" if mask == "some" else "a query that may attend to nothing"
        return Case((*args, allowed), about=about)

    return make


def _memory(rows: int, width: int, strength: float, zero: str = "") -> CaseMaker:
    def make(rng: Rng) -> Case:
        memory, key = 2 * normal(rng, rows, width), 0.7 * normal(rng, width)
        if zero == "row":
            memory[1] = 0
        if zero == "key":
            key[:] = 0
        return Case((memory, key, strength), about=f"a {zero} of zeros" if zero else "")

    return make


def _write(rows: int, width: int) -> CaseMaker:
    def make(rng: Rng) -> Case:
        weights = rng.dirichlet(np.ones(rows))
        erase = rng.uniform(0.1, 0.9, width)
        return Case((3 * normal(rng, rows, width), weights, erase, 2 * normal(rng, width)))

    return make


def _grn(batch: int, units: int, context: int = 0, scale: float = 1.0) -> CaseMaker:
    def make(rng: Rng) -> Case:
        square = [normal(rng, units, units) / np.sqrt(units) for _ in range(4)]
        W_3 = normal(rng, units, context or units) / np.sqrt(context or units)
        b_1, b_2, b_4, b_5, beta = (normal(rng, units) for _ in range(5))
        params = GRNParams(
            W_1=square[0],
            b_1=b_1,
            W_2=square[1],
            b_2=b_2,
            W_3=W_3,
            W_4=square[2],
            b_4=b_4,
            W_5=square[3],
            b_5=b_5,
            gamma=1 + 0.5 * normal(rng, units),
            beta=beta,
        )
        a = scale * normal(rng, batch, units)
        args = (a, params, normal(rng, batch, context)) if context else (a, params)
        return Case(args, about="with a context" if context else "without a context")

    return make


ASSIGNMENT = Assignment(
    "08-legacy",
    [
        Exercise(
            reference=gated_linear_unit,
            returns="the result",
            visible=(_pair(2, 3), _pair(5)),
            hidden={
                "": (
                    _pair(7, 3, 2),
                    _pair(1, 11),
                    as_float32(_pair(3, 5)),
                    _pair(5, 2, scale=2000.0),
                )
            },
            misconceptions=mistakes.of("gated_linear_unit"),
        ),
        Exercise(
            reference=scaled_dot_product_attention,
            returns=("out", "weights"),
            visible=(_attention(2, 3, 5, 7), _attention(3, 5, 2, 3, "some")),
            hidden={
                "": (
                    _attention(7, 3, 11, 2),
                    _attention(1, 5, 3, 2),
                    _attention(5, 2, 7, 3),
                    _attention(3, 7, 5, 2, scale=3000.0),
                    as_float32(_attention(3, 5, 7, 2)),
                ),
                "mask": (
                    _attention(7, 5, 3, 2, "some"),
                    _attention(5, 3, 7, 2, "none in row 1"),
                    as_float32(_attention(3, 7, 2, 5, "none in row 1")),
                ),
            },
            misconceptions=mistakes.of("scaled_dot_product_attention"),
        ),
        Exercise(
            reference=gated_attention,
            returns="the output",
            visible=(
                _attention(2, 3, 5, 7, gated=True),
                _attention(3, 5, 2, 3, "some", gated=True),
            ),
            hidden={
                "": (
                    _attention(7, 3, 11, 2, gated=True),
                    _attention(5, 3, 7, 2, "none in row 1", gated=True),
                    _attention(3, 5, 2, 7, "some", gated=True),
                    as_float32(_attention(3, 5, 7, 2, "some", gated=True)),
                )
            },
            misconceptions=mistakes.of("gated_attention"),
        ),
        Exercise(
            reference=content_addressing,
            returns="the weights",
            visible=(_memory(3, 5, 2.0), _memory(2, 3, 5.0)),
            hidden={
                "": (
                    _memory(7, 11, 3.0),
                    _memory(11, 2, 0.5),
                    _memory(5, 3, 2.0, "row"),
                    _memory(3, 7, 2.0, "key"),
                    _memory(5, 2, 1000.0),
                    as_float32(_memory(5, 3, 2.5)),
                )
            },
            misconceptions=mistakes.of("content_addressing"),
        ),
        Exercise(
            reference=memory_write,
            returns="the memory",
            visible=(_write(2, 3), _write(5, 2)),
            hidden={"": (_write(7, 11), _write(1, 3), _write(3, 3), as_float32(_write(5, 7)))},
            misconceptions=mistakes.of("memory_write"),
        ),
        Exercise(
            reference=gated_residual_network,
            returns="the result",
            visible=(_grn(2, 3), _grn(3, 5, 2)),
            hidden={
                "": (
                    _grn(7, 5),
                    _grn(1, 11, 3),
                    _grn(5, 7, 2),
                    _grn(2, 3, scale=0.01),
                    _grn(3, 2, 5, scale=1000.0),
                    as_float32(_grn(5, 7, 3)),
                )
            },
            misconceptions=mistakes.of("gated_residual_network"),
        ),
    ],
)

visible, hidden = ASSIGNMENT.visible, ASSIGNMENT.hidden
