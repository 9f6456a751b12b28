"""Every recurrent cell in one table, so that each test runs on all of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lstm_ref
from lstm_ref.checks.inputs import normal, parameters


class Kind(NamedTuple):
    """A cell over time, forward and backward, and what its state is made of."""

    params: Any
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    states: int


def _kind(name: str, params: Any, states: int) -> Kind:
    forward = getattr(lstm_ref, f"{name}_forward_cached")
    return Kind(params, forward, getattr(lstm_ref, f"{name}_backward"), states)


KINDS = {
    "rnn": _kind("rnn", lstm_ref.RNNParams, 1),
    "gru": _kind("gru", lstm_ref.GRUParams, 1),
    "gru_reset_after": _kind("gru_reset_after", lstm_ref.GRUResetAfterParams, 1),
    "lstm": _kind("lstm", lstm_ref.LSTMParams, 2),
    "lstm1997": _kind("lstm1997", lstm_ref.LSTM1997Params, 2),
    "peephole": _kind("peephole", lstm_ref.PeepholeParams, 2),
    "coupled": _kind("coupled", lstm_ref.CoupledParams, 2),
}


class Run(NamedTuple):
    """Random inputs of one run: T = 5, B = 3, D = 2, H = 7 unless told otherwise."""

    xs: Any
    states: tuple[Any, ...]
    params: Any


def inputs(kind: Kind, seed: int = 0, sizes=(5, 3, 2, 7), dtype: Any = np.float64) -> Run:
    rng = np.random.default_rng(seed)
    T, B, D, H = sizes
    params = parameters(kind.params, rng, H, D)
    states = tuple(np.tanh(normal(rng, B, H)) for _ in range(kind.states))
    run = Run(normal(rng, T, B, D), states, params)
    return Run(
        run.xs.astype(dtype),
        tuple(s.astype(dtype) for s in run.states),
        kind.params(*(p.astype(dtype) for p in run.params)),
    )


def forward(kind: Kind, run: Run, lengths: Any = None):
    """Return hs, the final states as a tuple, and the caches."""
    hs, state, caches = kind.forward(run.xs, *run.states, run.params, lengths)
    return hs, state if isinstance(state, tuple) else (state,), caches


def backward(kind: Kind, dhs: Any, caches: Any, run: Run, dstates: tuple, lengths: Any = None):
    """Return dxs, the gradients of the initial states as a tuple, and those of the parameters."""
    dxs, *dstates0, grads = kind.backward(dhs, caches, run.params, *dstates, lengths=lengths)
    return dxs, tuple(dstates0), grads


def inputs_and_gradients(kind: Kind, with_lengths: bool = False, seed: int = 0, sizes=(5, 3, 2, 7)):
    """Return a loss of named inputs, the inputs, and the gradients worked out by hand.

    The loss weighs every hidden state and every final state, so that no way back is left out.
    """
    lengths = np.array([sizes[0], 0, sizes[0] // 2]) if with_lengths else None
    run = inputs(kind, seed, sizes)
    hs, states, caches = forward(kind, run, lengths)
    rng = np.random.default_rng(seed + 1)
    dhs, dstates = normal(rng, *hs.shape), tuple(normal(rng, *s.shape) for s in states)
    dxs, dinitial, grads = backward(kind, dhs, caches, run, dstates, lengths)
    names = ["h0", "c0"][: kind.states]

    def loss(tree: dict[str, Any]) -> float:
        params = kind.params(*(tree[field] for field in kind.params._fields))
        changed = Run(tree["xs"], tuple(tree[name] for name in names), params)
        hs, states, _ = forward(kind, changed, lengths)
        weighted = (s * d for s, d in zip(states, dstates, strict=True))
        return float((hs * dhs).sum() + sum(w.sum() for w in weighted))

    tree = {"xs": run.xs, **dict(zip(names, run.states, strict=True)), **run.params._asdict()}
    gradient = {"xs": dxs, **dict(zip(names, dinitial, strict=True)), **grads._asdict()}
    return loss, tree, gradient
