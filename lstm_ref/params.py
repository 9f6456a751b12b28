"""Parameter containers of the course, and the way to and from PyTorch's layout.

Shapes
------
``D`` input size, ``H`` hidden size. Every course weight acts on the concatenation ``[h, x]``,
in that order, so a weight has shape ``(H, H + D)`` and a bias ``(H,)``.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lstm_ref.validation import check_array, check_parameters

Array: TypeAlias = NDArray[np.floating[Any]]

__all__ = [
    "Array",
    "CoupledParams",
    "GRNParams",
    "GRUCache",
    "GRUParams",
    "GRUResetAfterParams",
    "LSTM1997Cache",
    "LSTM1997Params",
    "LSTMCache",
    "LSTMParams",
    "PeepholeParams",
    "RNNCache",
    "RNNParams",
    "gru_from_torch",
    "gru_to_torch",
    "lstm_from_torch",
    "lstm_to_torch",
    "rnn_from_torch",
    "rnn_to_torch",
]


class RNNParams(NamedTuple):
    """Weight ``(H, H + D)`` and bias ``(H,)`` of a plain recurrent network.

    References
    ----------
    J. L. Elman (1990). Finding Structure in Time. Cognitive Science 14(2).
    """

    W: Array
    b: Array


class RNNCache(NamedTuple):
    """What one plain recurrent step leaves behind for its backward pass.

    ``x (B, D)``; ``h`` and ``h_next`` ``(B, H)`` are the states before and after the step.
    """

    x: Array
    h: Array
    h_next: Array


class LSTMParams(NamedTuple):
    """Weights ``(H, H + D)`` and biases ``(H,)`` of an LSTM with a forget gate.

    One pair a gate: forget ``f``, input ``i``, candidate ``c``, output ``o``. The same container
    holds gradients.

    References
    ----------
    F. A. Gers, J. Schmidhuber, F. Cummins (2000). Learning to Forget: Continual Prediction with
    LSTM. Neural Computation 12(10).
    """

    W_f: Array
    b_f: Array
    W_i: Array
    b_i: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array


class GRUParams(NamedTuple):
    """Weights ``(H, H + D)`` and biases ``(H,)`` of a GRU: update ``z``, reset ``r``, candidate.

    References
    ----------
    K. Cho et al. (2014). Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation. EMNLP.
    """

    W_z: Array
    b_z: Array
    W_r: Array
    b_r: Array
    W_h: Array
    b_h: Array


class GRUResetAfterParams(NamedTuple):
    """A GRU whose reset gate acts after the product: `GRUParams` and a second candidate bias.

    ``b_h`` is added outside the reset gate, ``b_hh`` inside it; both are ``(H,)``.

    References
    ----------
    K. Cho et al. (2014). Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation. arXiv 1406.1078v1. (Version 3, as printed at EMNLP, puts the
    gate before the product: `GRUParams`.) PyTorch computes the form of version 1.
    """

    W_z: Array
    b_z: Array
    W_r: Array
    b_r: Array
    W_h: Array
    b_h: Array
    b_hh: Array


class GRUCache(NamedTuple):
    """What one GRU step leaves behind for its backward pass, wherever its reset gate acts.

    ``x (B, D)``; all others ``(B, H)``: the state ``h`` before the step, the gates ``z`` and ``r``,
    and the candidate.
    """

    x: Array
    h: Array
    z: Array
    r: Array
    candidate: Array


class CoupledParams(NamedTuple):
    """Weights ``(H, H + D)`` and biases ``(H,)`` of an LSTM that writes what it forgets, i = 1 − f.

    References
    ----------
    K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber (2017). LSTM: A
    Search Space Odyssey. IEEE Transactions on Neural Networks and Learning Systems 28(10).
    """

    W_f: Array
    b_f: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array


class PeepholeParams(NamedTuple):
    """An LSTM whose gates also see the cell: `LSTMParams` and three peepholes ``p_*`` ``(H,)``.

    References
    ----------
    F. A. Gers, J. Schmidhuber (2000). Recurrent Nets that Time and Count. IJCNN.
    """

    W_f: Array
    b_f: Array
    W_i: Array
    b_i: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array
    p_f: Array
    p_i: Array
    p_o: Array


class LSTM1997Params(NamedTuple):
    """Weights ``(H, H + D)`` and biases ``(H,)`` of the original cell, which had no forget gate.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8).
    """

    W_i: Array
    b_i: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array


class LSTM1997Cache(NamedTuple):
    """What one step of the 1997 cell leaves behind: as `LSTMCache`, without a forget gate.

    ``x (B, D)``; all others ``(B, H)``. ``h`` and ``c`` are the states before the step, ``c_next``
    the cell state after it.
    """

    x: Array
    h: Array
    c: Array
    i: Array
    candidate: Array
    o: Array
    c_next: Array


class LSTMCache(NamedTuple):
    """What one LSTM step leaves behind for its backward pass.

    ``x (B, D)``; all others ``(B, H)``. ``h`` and ``c`` are the states before the step, ``c_next``
    the cell state after it.
    """

    x: Array
    h: Array
    c: Array
    f: Array
    i: Array
    candidate: Array
    o: Array
    c_next: Array


class GRNParams(NamedTuple):
    """Weights of a gated residual network; see `lstm_ref.gated_residual_network` for the roles.

    ``H`` is the width of the block and ``C`` that of the context: ``W_1 W_2 W_4 W_5`` are
    ``(H, H)``, ``W_3`` is ``(H, C)``, biases, ``gamma`` and ``beta`` are ``(H,)``.

    References
    ----------
    B. Lim, S. Ö. Arık, N. Loeff, T. Pfister (2021). Temporal Fusion Transformers for
    Interpretable Multi-horizon Time Series Forecasting. International Journal of Forecasting.
    """

    W_1: Array
    b_1: Array
    W_2: Array
    b_2: Array
    W_3: Array
    W_4: Array
    b_4: Array
    W_5: Array
    b_5: Array
    gamma: Array
    beta: Array


def lstm_to_torch(params: LSTMParams) -> dict[str, Array]:
    """Arrange course parameters as the state of a one-layer ``torch.nn.LSTM``.

    PyTorch stacks the gates in the order ``i, f, g, o`` (``g`` is our candidate), keeps the
    weights on ``x`` and on ``h`` apart, and has two biases, of which we leave the second at zero.

    Parameters
    ----------
    params : LSTMParams
        Weights ``(H, H + D)``, biases ``(H,)``.

    Returns
    -------
    dict of str to ndarray
        ``weight_ih_l0 (4H, D)``, ``weight_hh_l0 (4H, H)``, ``bias_ih_l0 (4H,)`` and
        ``bias_hh_l0 (4H,)``, dtype kept.

    Raises
    ------
    ValueError
        If `params` is of another kind, its shapes do not fit, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, lstm_to_torch
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.zeros(2)] * 4)
    >>> {name: value.shape for name, value in lstm_to_torch(p).items()}
    {'weight_ih_l0': (8, 3), 'weight_hh_l0': (8, 2), 'bias_ih_l0': (8,), 'bias_hh_l0': (8,)}
    """
    hidden_size = check_parameters(params, kind=LSTMParams)
    weight = np.concatenate([params.W_i, params.W_f, params.W_c, params.W_o])  # (4H, H + D)
    bias = np.concatenate([params.b_i, params.b_f, params.b_c, params.b_o])  # (4H,)
    return {
        "weight_ih_l0": weight[:, hidden_size:].copy(),
        "weight_hh_l0": weight[:, :hidden_size].copy(),
        "bias_ih_l0": bias,
        "bias_hh_l0": np.zeros_like(bias),
    }


def lstm_from_torch(
    weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array
) -> LSTMParams:
    """Arrange one layer of a ``torch.nn.LSTM`` as course parameters.

    The two biases of PyTorch are added: they only ever act as a sum. (So a forget bias of 1 in
    both is a forget bias of 2 here.)

    Parameters
    ----------
    weight_ih : ndarray, shape (4H, D)
    weight_hh : ndarray, shape (4H, H)
    bias_ih, bias_hh : ndarray, shape (4H,)
        Arrays, not tensors: call ``.detach().numpy()`` first.

    Returns
    -------
    LSTMParams

    Raises
    ------
    ValueError
        If a shape does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import lstm_from_torch
    >>> p = lstm_from_torch(np.ones((8, 3)), np.zeros((8, 2)), np.ones(8), np.ones(8))
    >>> p.W_f.shape, float(p.b_f[0])
    ((2, 5), 2.0)
    """
    _check_torch(4, weight_ih, weight_hh, bias_ih, bias_hh)
    i, f, g, o = np.split(np.concatenate([weight_hh, weight_ih], axis=1), 4)
    b_i, b_f, b_g, b_o = np.split(bias_ih + bias_hh, 4)
    return LSTMParams(f, b_f, i, b_i, g, b_g, o, b_o)


def gru_to_torch(params: GRUResetAfterParams) -> dict[str, Array]:
    """Arrange the parameters of a GRU, reset gate after the product, for ``torch.nn.GRU``.

    PyTorch stacks ``r, z, n`` and lets ``z`` keep the old state where ours writes the new one, so
    the signs of the update gate's weights turn: ``σ(−a) = 1 − σ(a)``.

    Parameters
    ----------
    params : GRUResetAfterParams

    Returns
    -------
    dict of str to ndarray
        ``weight_ih_l0 (3H, D)``, ``weight_hh_l0 (3H, H)``, ``bias_ih_l0`` and ``bias_hh_l0 (3H,)``.

    Raises
    ------
    ValueError
        If `params` is of another kind (the reset gate before the product has no counterpart in
        PyTorch), its shapes do not fit, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUResetAfterParams, gru_to_torch
    >>> p = GRUResetAfterParams(*[np.ones((2, 5)), np.ones(2)] * 3, np.ones(2))
    >>> gru_to_torch(p)["bias_ih_l0"]
    array([ 1.,  1., -1., -1.,  1.,  1.])
    """
    hidden_size = check_parameters(params, kind=GRUResetAfterParams)
    weight = np.concatenate([params.W_r, -params.W_z, params.W_h])  # (3H, H + D)
    zero = np.zeros_like(params.b_h)
    return {
        "weight_ih_l0": weight[:, hidden_size:].copy(),
        "weight_hh_l0": weight[:, :hidden_size].copy(),
        "bias_ih_l0": np.concatenate([params.b_r, -params.b_z, params.b_h]),
        "bias_hh_l0": np.concatenate([zero, zero, params.b_hh]),
    }


def gru_from_torch(
    weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array
) -> GRUResetAfterParams:
    """Arrange one layer of a ``torch.nn.GRU`` as course parameters; see `gru_to_torch`.

    The two biases of a gate are added, as they only ever act as a sum; those of the candidate are
    kept apart, as the reset gate stands between them.

    Parameters
    ----------
    weight_ih : ndarray, shape (3H, D)
    weight_hh : ndarray, shape (3H, H)
    bias_ih, bias_hh : ndarray, shape (3H,)
        Arrays, not tensors: call ``.detach().numpy()`` first.

    Returns
    -------
    GRUResetAfterParams

    Raises
    ------
    ValueError
        If a shape does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gru_from_torch
    >>> p = gru_from_torch(np.ones((6, 3)), np.zeros((6, 2)), np.ones(6), np.full(6, 2.0))
    >>> float(p.b_r[0]), float(p.b_z[0]), float(p.b_h[0]), float(p.b_hh[0])
    (3.0, -3.0, 1.0, 2.0)
    """
    _check_torch(3, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z, n = np.split(np.concatenate([weight_hh, weight_ih], axis=1), 3)
    b_r, b_z, _ = np.split(bias_ih + bias_hh, 3)
    b_h, b_hh = np.split(bias_ih, 3)[2], np.split(bias_hh, 3)[2]
    return GRUResetAfterParams(-z, -b_z, r, b_r, n, b_h.copy(), b_hh.copy())


def rnn_to_torch(params: RNNParams) -> dict[str, Array]:
    """Arrange plain recurrent parameters for a ``torch.nn.RNN`` with tanh.

    Parameters
    ----------
    params : RNNParams

    Returns
    -------
    dict of str to ndarray
        ``weight_ih_l0 (H, D)``, ``weight_hh_l0 (H, H)``, ``bias_ih_l0`` and ``bias_hh_l0 (H,)``.

    Raises
    ------
    ValueError
        If `params` is of another kind, its shapes do not fit, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import RNNParams, rnn_to_torch
    >>> state = rnn_to_torch(RNNParams(np.zeros((2, 5)), np.ones(2)))
    >>> {name: value.shape for name, value in state.items()}
    {'weight_ih_l0': (2, 3), 'weight_hh_l0': (2, 2), 'bias_ih_l0': (2,), 'bias_hh_l0': (2,)}
    """
    hidden_size = check_parameters(params, kind=RNNParams)
    return {
        "weight_ih_l0": params.W[:, hidden_size:].copy(),
        "weight_hh_l0": params.W[:, :hidden_size].copy(),
        "bias_ih_l0": params.b.copy(),
        "bias_hh_l0": np.zeros_like(params.b),
    }


def rnn_from_torch(weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> RNNParams:
    """Arrange one layer of a ``torch.nn.RNN`` as course parameters.

    Parameters
    ----------
    weight_ih : ndarray, shape (H, D)
    weight_hh : ndarray, shape (H, H)
    bias_ih, bias_hh : ndarray, shape (H,)
        Arrays, not tensors: call ``.detach().numpy()`` first. Their sum is our bias.

    Returns
    -------
    RNNParams

    Raises
    ------
    ValueError
        If a shape does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import rnn_from_torch
    >>> p = rnn_from_torch(np.ones((2, 3)), np.zeros((2, 2)), np.ones(2), np.ones(2))
    >>> p.W[0], p.b
    (array([0., 0., 1., 1., 1.]), array([2., 2.]))
    """
    _check_torch(1, weight_ih, weight_hh, bias_ih, bias_hh)
    return RNNParams(np.concatenate([weight_hh, weight_ih], axis=1), bias_ih + bias_hh)


def _check_torch(
    gates: int, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array
) -> None:
    """Raise unless a layer of PyTorch with so many gates fits together."""
    rows_text = f"{gates}H" if gates > 1 else "H"
    check_array("weight_hh", weight_hh, (rows_text, "H"))
    rows, hidden_size = weight_hh.shape
    if rows != gates * hidden_size:
        raise ValueError(f"expected weight_hh of shape ({rows_text}, H), got {weight_hh.shape}")
    check_array("weight_ih", weight_ih, (rows, "D"))
    check_array("bias_ih", bias_ih, (rows,))
    check_array("bias_hh", bias_hh, (rows,))
