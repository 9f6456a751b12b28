"""One bit to carry: the task on which chapter 1 trains a plain recurrent network and an LSTM.

Shapes
------
``T`` time, ``B`` batch; two inputs and one output, so ``xs (T, B, 2)`` and logits ``(B, 1)``.
"""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.fast.lstm import lstm_backward, lstm_forward_cached
from lstm_ref.fast.rnn import rnn_backward, rnn_forward_cached
from lstm_ref.initializers import init_linear_params, init_lstm_params, init_rnn_params, uniform
from lstm_ref.linear import linear_backward, linear_forward
from lstm_ref.optim import adam, clip_by_global_norm
from lstm_ref.params import Array, LSTMParams, RNNParams
from lstm_ref.validation import check_array, check_at_least, check_generator

__all__ = ["RecallRun", "recall_batch", "recall_gradient", "train_recall"]

#: How a network of `train_recall` is built and started.
KINDS = ("rnn", "orthogonal", "lstm")


class RecallRun(NamedTuple):
    """What `train_recall` measured: fresh sequences answered rightly, and losses on the way.

    ``accuracy`` is a float from 0 to 1, ``losses (updates,)`` are in nats.
    """

    accuracy: float
    losses: Array


def recall_batch(rng: np.random.Generator, lag: int, size: int) -> tuple[Array, Array]:
    """Draw sequences that begin with a sign and go on with noise; the sign is the answer.

    Parameters
    ----------
    rng : numpy.random.Generator
    lag : int
        Steps of noise between the sign and the answer, at least 1.
    size : int
        Sequences in the batch.

    Returns
    -------
    xs : ndarray, shape (lag + 1, size, 2)
        Value and mark. The first value is −1 or +1 and marked 1; the others are uniform in
        [−1, 1) and marked 0.
    targets : ndarray, shape (size, 1)
        1 where the sign is +1, else 0.

    Raises
    ------
    ValueError
        If `lag` or `size` is below 1, or `rng` is no generator.

    References
    ----------
    In the spirit of the two-sequence problem of Y. Bengio, P. Simard, P. Frasconi (1994), IEEE
    Transactions on Neural Networks 5(2).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.recall import recall_batch
    >>> xs, targets = recall_batch(np.random.default_rng(0), lag=5, size=3)
    >>> xs.shape, bool(((xs[0, :, :1] > 0) == targets).all())
    ((6, 3, 2), True)
    """
    check_generator(rng)
    check_at_least(1, lag=lag, size=size)
    xs = np.zeros((lag + 1, size, 2))  # (T, B, 2)
    xs[1:, :, 0] = rng.uniform(-1, 1, (lag, size))
    xs[0, :, 0], xs[0, :, 1] = rng.choice([-1.0, 1.0], size), 1
    return xs, (xs[0, :, :1] > 0).astype(float)


def recall_gradient(params: tuple[Any, Any], xs: Array, targets: Array) -> tuple[float, Array, Any]:
    """Loss of the answer after the last step, the logits, and the gradients of all parameters.

    Parameters
    ----------
    params : tuple
        The cell's `RNNParams` or `LSTMParams`, then the `LinearParams` that answer.
    xs : ndarray, shape (T, B, 2)
    targets : ndarray, shape (B, 1)

    Returns
    -------
    loss : float
        Mean cross-entropy in nats.
    logits : ndarray, shape (B, 1)
    grads : tuple
        In the layout of `params`.

    Raises
    ------
    ValueError
        If the cell is of another kind, or shapes do not fit.

    Notes
    -----
    With ``z`` the logit and ``y`` the target, ``L = log(1 + exp(z)) − y z`` and its derivative is
    ``σ(z) − y``.
    """
    cell, readout = params
    plain = isinstance(cell, RNNParams)
    if not plain and not isinstance(cell, LSTMParams):
        raise ValueError(f"expected RNNParams or LSTMParams, got {type(cell).__name__}")
    check_array("xs", xs, ("T", "B", "D"))
    check_array("targets", targets, (xs.shape[1], 1))
    zero = np.zeros((xs.shape[1], len(cell[1])))  # (B, H)
    tape: Any
    if plain:
        hs, _, tape = rnn_forward_cached(xs, zero, cell)
    else:
        hs, _, tape = lstm_forward_cached(xs, zero, zero, cell)
    logits = linear_forward(hs[-1], readout)  # (B, 1)
    loss = float(np.mean(np.logaddexp(0, logits) - targets * logits))
    dlogits = (sigmoid(logits) - targets) / len(targets)
    dhs = np.zeros_like(hs)
    dhs[-1], d_readout = linear_backward(dlogits, hs[-1], readout)
    d_cell = (rnn_backward if plain else lstm_backward)(dhs, tape)[-1]
    return loss, logits, (d_cell, d_readout)


def train_recall(
    kind: str,
    lag: int,
    seed: int,
    updates: int = 300,
    hidden_size: int = 8,
    learning_rate: float = 0.02,
    forget_bias: float = 5.0,
    input_bias: float = -2.0,
) -> RecallRun:
    """Train a plain recurrent network or an LSTM to carry one bit, and test it on fresh sequences.

    Parameters
    ----------
    kind : str
        ``"rnn"``, started uniformly in ``±1/√H`` as most libraries do; ``"orthogonal"``, the same
        network with orthogonal recurrent weights; or ``"lstm"``.
    lag : int
    seed : int
        Of first weights and data: both kinds see the same sequences.
    updates : int, optional
        Updates of Adam, each on 32 fresh sequences, gradients clipped to norm 1.
    hidden_size : int, optional
    learning_rate : float, optional
    forget_bias, input_bias : float, optional
        First biases of the two gates; a plain network has none.

    Returns
    -------
    RecallRun

    Raises
    ------
    ValueError
        If `kind` is unknown.

    Examples
    --------
    >>> from lstm_ref.trials.recall import train_recall
    >>> train_recall("lstm", lag=1, seed=0, updates=2).losses.shape
    (2,)
    """
    if kind not in KINDS:
        raise ValueError(f"expected a kind out of {', '.join(KINDS)}, got {kind!r}")
    weights, data = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    cell: Any
    if kind == "lstm":
        cell = init_lstm_params(weights, 2, hidden_size, forget_bias=forget_bias)
        cell = cell._replace(b_i=np.full(hidden_size, input_bias))
    else:
        cell = init_rnn_params(weights, 2, hidden_size)
    if kind == "rnn":
        W = uniform(weights, (hidden_size, hidden_size + 2), hidden_size**-0.5)
        cell = cell._replace(W=W)
    params: Any = (cell, init_linear_params(weights, hidden_size, 1))
    optimizer = adam(learning_rate)
    state, losses = optimizer.init(params), np.empty(updates)
    for n in range(updates):
        losses[n], _, grads = recall_gradient(params, *recall_batch(data, lag, 32))
        grads, _ = clip_by_global_norm(grads, max_norm=1.0)
        params, state = optimizer.update(grads, state, params)
    xs, targets = recall_batch(data, lag, 512)
    _, logits, _ = recall_gradient(params, xs, targets)
    return RecallRun(float(np.mean((logits > 0) == (targets > 0))), losses)
