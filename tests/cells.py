"""Every recurrent cell in one table, so that each test runs on all of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lstm_ref
from lstm_ref.checks.inputs import normal, parameters


class Kind(NamedTuple):
    """A cell over time, forward and backward, and what its state is made of."""

    params: type
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    states: int


KINDS = {
    "rnn": Kind(lstm_ref.RNNParams, lstm_ref.rnn_forward_cached, lstm_ref.rnn_backward, 1),
    "gru": Kind(lstm_ref.GRUParams, lstm_ref.gru_forward_cached, lstm_ref.gru_backward, 1),
    "gru_reset_after": Kind(
        lstm_ref.GRUResetAfterParams,
        lstm_ref.gru_reset_after_forward_cached,
        lstm_ref.gru_reset_after_backward,
        1,
    ),
    "lstm": Kind(lstm_ref.LSTMParams, lstm_ref.lstm_forward_cached, lstm_ref.lstm_backward, 2),
    "lstm1997": Kind(
        lstm_ref.LSTM1997Params, lstm_ref.lstm1997_forward_cached, lstm_ref.lstm1997_backward, 2
    ),
    "peephole": Kind(
        lstm_ref.PeepholeParams, lstm_ref.peephole_forward_cached, lstm_ref.peephole_backward, 2
    ),
    "coupled": Kind(
        lstm_ref.CoupledParams, lstm_ref.coupled_forward_cached, lstm_ref.coupled_backward, 2
    ),
}

LENGTHS = {None: None, "lengths": np.array([5, 0, 2])}


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
