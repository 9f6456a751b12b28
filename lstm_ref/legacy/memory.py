"""A memory with addresses: reading, writing and the heads of the Neural Turing Machine.

Shapes
------
``N`` rows of memory, ``M`` their width, ``S`` allowed shifts (odd: −1, 0, 1 for three), ``H``
controller size. One step of one example: there is no batch axis here.

References
----------
A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.
"""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.losses import softmax
from lstm_ref.params import Array
from lstm_ref.validation import check_array

__all__ = [
    "NTMAddress",
    "NTMReadHeadParams",
    "NTMWriteHeadParams",
    "content_addressing",
    "content_addressing_backward",
    "memory_read",
    "memory_read_backward",
    "memory_write",
    "memory_write_backward",
    "ntm_addressing",
    "ntm_addressing_backward",
    "ntm_read_head",
    "ntm_read_head_backward",
    "ntm_write_head",
    "ntm_write_head_backward",
]


# --- by content -----------------------------------------------------------------------------------


def content_addressing(memory: Array, key: Array, strength: float | Array) -> Array:
    r"""Weight the rows of a memory by how much they resemble a key.

    Parameters
    ----------
    memory : ndarray, shape (N, M)
    key : ndarray, shape (M,)
    strength : float
        How decided the answer is: 0 weights all rows alike, large picks the best one.

    Returns
    -------
    ndarray, shape (N,)
        Non-negative, sums to 1.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a number is NaN.

    Notes
    -----
    .. math::
        w = \operatorname{softmax}(β \, \cos(M_n, k)), \qquad
        \cos(u, k) = \frac{u · k}{‖u‖ ‖k‖}

    A zero row or key has no direction: its cosine is taken as 0.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import content_addressing
    >>> memory = np.array([[2.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    >>> content_addressing(memory, np.array([1.0, 0.0]), strength=1000.0)
    array([1., 0., 0.])
    """
    beta = _check_content(memory, key, strength)
    cosine = np.clip(_unit(memory)[0] @ _unit(key)[0], -1, 1)  # (N,)
    return softmax(beta * cosine)


def content_addressing_backward(
    dweights: Array, memory: Array, key: Array, strength: float | Array
) -> tuple[Array, Array, Array]:
    r"""Take a loss gradient back through `content_addressing`.

    Parameters
    ----------
    dweights : ndarray, shape (N,)
        Loss gradient of the weights.
    memory, key, strength
        As given to the forward pass.

    Returns
    -------
    dmemory : ndarray, shape (N, M)
    dkey : ndarray, shape (M,)
    dstrength : ndarray, shape ()

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a number is NaN.

    Notes
    -----
    With ``û`` for a vector of length 1 along ``u``, ``∂cos(u, k)/∂u = (k̂ − cos · û) / ‖u‖``. At a
    zero vector, where there is no derivative, 0 is returned.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import content_addressing_backward
    >>> dmemory, dkey, dstrength = content_addressing_backward(
    ...     np.array([1.0, 0.0]), np.eye(2), np.array([1.0, 0.0]), 0.0
    ... )
    >>> dstrength
    array(0.25)
    """
    beta = _check_content(memory, key, strength)
    check_array("dweights", dweights, (memory.shape[0],))
    rows, row_norms = _unit(memory)  # (N, M), (N, 1)
    along, key_norm = _unit(key)  # (M,), (1,)
    cosine = np.clip(rows @ along, -1, 1)  # (N,)
    weights = content_addressing(memory, key, strength)
    dscores = weights * (dweights - (dweights * weights).sum())  # (N,)
    dcosine = beta * dscores  # (N,)
    dmemory = dcosine[:, None] * (along - cosine[:, None] * rows) / row_norms
    dkey = (dcosine @ rows - (dcosine * cosine).sum() * along) / key_norm
    dmemory = np.where(memory.any(axis=1, keepdims=True), dmemory, 0)
    dkey = np.where(key.any(), dkey, 0)
    return dmemory, dkey, np.asarray((dscores * cosine).sum())


def _unit(v: Array) -> tuple[Array, Array]:
    """Scale to length 1 along the last axis; also the length. Zero stays zero, with length 1."""
    largest = np.abs(v).max(axis=-1, keepdims=True)
    largest = np.where(largest == 0, 1, largest)
    scaled = v / largest  # in units of the largest entry, so that no square overflows or vanishes
    length = np.sqrt((scaled**2).sum(axis=-1, keepdims=True))
    length = np.where(length == 0, 1, length)
    with np.errstate(over="ignore"):
        return np.asarray(scaled / length), np.asarray(length * largest)


# --- reading and writing --------------------------------------------------------------------------


def memory_read(memory: Array, weights: Array) -> Array:
    """Read from a memory: ``r = Σ_n w_n M_n``.

    Parameters
    ----------
    memory : ndarray, shape (N, M)
    weights : ndarray, shape (N,)

    Returns
    -------
    ndarray, shape (M,)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import memory_read
    >>> memory_read(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.5]))
    array([2., 3.])
    """
    check_array("memory", memory, ("N", "M"))
    check_array("weights", weights, (memory.shape[0],))
    return np.asarray(weights @ memory)


def memory_read_backward(dread: Array, memory: Array, weights: Array) -> tuple[Array, Array]:
    """Take a loss gradient back through `memory_read`.

    Parameters
    ----------
    dread : ndarray, shape (M,)
        Loss gradient of what was read.
    memory : ndarray, shape (N, M)
    weights : ndarray, shape (N,)
        As given to the forward pass.

    Returns
    -------
    dmemory : ndarray, shape (N, M)
    dweights : ndarray, shape (N,)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import memory_read_backward
    >>> memory_read_backward(np.ones(1), np.array([[1.0], [3.0]]), np.array([0.5, 0.5]))[1]
    array([1., 3.])
    """
    memory_read(memory, weights)
    check_array("dread", dread, (memory.shape[1],))
    return weights[:, None] * dread, memory @ dread


def memory_write(memory: Array, weights: Array, erase: Array, add: Array) -> Array:
    r"""Write to a memory: erase first, then add.

    Parameters
    ----------
    memory : ndarray, shape (N, M)
    weights : ndarray, shape (N,)
        Where to write.
    erase : ndarray, shape (M,)
        What to forget, 0 to 1 for each column.
    add : ndarray, shape (M,)
        What to put there.

    Returns
    -------
    ndarray, shape (N, M)
        The memory after the step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    ``M'_n = M_n · (1 − w_n e) + w_n a``: the LSTM's cell update, with ``1 − w e`` for the forget
    gate and ``w`` for the input gate, now for every row.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import memory_write
    >>> memory_write(
    ...     np.ones((2, 2)), np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.array([5.0, 5.0])
    ... )
    array([[5., 6.],
           [1., 1.]])
    """
    _check_write(memory, weights, erase, add)
    w = weights[:, None]  # (N, 1)
    return np.asarray(memory * (1 - w * erase) + w * add)


def memory_write_backward(
    dmemory_next: Array, memory: Array, weights: Array, erase: Array, add: Array
) -> tuple[Array, Array, Array, Array]:
    """Take a loss gradient back through `memory_write`.

    Parameters
    ----------
    dmemory_next : ndarray, shape (N, M)
        Loss gradient of the memory after the step.
    memory, weights, erase, add
        As given to the forward pass.

    Returns
    -------
    dmemory : ndarray, shape (N, M)
    dweights : ndarray, shape (N,)
    derase, dadd : ndarray, shape (M,)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import memory_write_backward
    >>> half = np.array([0.5])
    >>> memory_write_backward(np.ones((1, 1)), np.ones((1, 1)), half, half, half)
    (array([[0.75]]), array([0.]), array([-0.5]), array([0.5]))
    """
    _check_write(memory, weights, erase, add)
    check_array("dmemory_next", dmemory_next, memory.shape)
    w = weights[:, None]  # (N, 1)
    dmemory = dmemory_next * (1 - w * erase)
    dweights = (dmemory_next * (add - memory * erase)).sum(axis=1)
    derase = -(dmemory_next * memory * w).sum(axis=0)
    return dmemory, dweights, derase, weights @ dmemory_next


# --- by content and by place ----------------------------------------------------------------------


class NTMAddress(NamedTuple):
    """What a head says about where to look; the same container holds its gradient.

    ``key (M,)``, ``strength ()``, ``gate ()`` in (0, 1), ``shift (S,)`` a distribution over the
    shifts from ``−(S − 1)/2`` to ``(S − 1)/2``, ``sharpening ()`` at least 1.
    """

    key: Array
    strength: Array
    gate: Array
    shift: Array
    sharpening: Array


def ntm_addressing(memory: Array, previous: Array, address: NTMAddress) -> Array:
    r"""Find where to look: by content, or by moving on from the last place.

    Parameters
    ----------
    memory : ndarray, shape (N, M)
    previous : ndarray, shape (N,)
        The head's weights one step before, non-negative.
    address : NTMAddress

    Returns
    -------
    ndarray, shape (N,)
        Non-negative, sums to 1.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the shifts are not odd in number or more than ``N``, the
        gate or the sharpening is out of range, or the shifted weights are negative or all zero.

    Notes
    -----
    .. math::
        w^c &= \operatorname{softmax}(β \cos(M, k)) && \text{content} \\
        w^g &= g \, w^c + (1 - g) \, w_{t-1} && \text{interpolation} \\
        \tilde w_n &= \textstyle\sum_s w^g_{n - s} \, s_s && \text{shift, around the ends} \\
        w_n &= \tilde w_n^γ / \textstyle\sum_m \tilde w_m^γ && \text{sharpening}

    The last line is a softmax of ``γ log w̃``, which does not underflow for a large ``γ``.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMAddress, ntm_addressing
    >>> one_on = NTMAddress(
    ...     np.ones(2), np.array(1.0), np.array(0.0), np.array([0.0, 0.0, 1.0]), np.array(1.0)
    ... )
    >>> ntm_addressing(np.ones((3, 2)), np.array([1.0, 0.0, 0.0]), one_on)
    array([0., 1., 0.])
    """
    return _address(memory, previous, address)[-1]


def ntm_addressing_backward(
    dweights: Array, memory: Array, previous: Array, address: NTMAddress
) -> tuple[Array, Array, NTMAddress]:
    """Take a loss gradient back through `ntm_addressing`.

    Parameters
    ----------
    dweights : ndarray, shape (N,)
        Loss gradient of the weights.
    memory, previous, address
        As given to the forward pass.

    Returns
    -------
    dmemory : ndarray, shape (N, M)
    dprevious : ndarray, shape (N,)
    daddress : NTMAddress

    Raises
    ------
    ValueError
        As `ntm_addressing`.

    Notes
    -----
    A weight of exactly 0 before sharpening stays 0 and passes no gradient. (With ``γ = 1`` it
    would; a softmax shift never gives an exact 0.)

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMAddress, ntm_addressing_backward
    >>> stay = NTMAddress(
    ...     np.ones(2), np.array(1.0), np.array(0.0), np.array([0.0, 1.0, 0.0]), np.array(1.0)
    ... )
    >>> _, dprevious, _ = ntm_addressing_backward(
    ...     np.array([1.0, 0.0, 0.0]), np.ones((3, 2)), np.full(3, 1 / 3), stay
    ... )
    >>> dprevious.round(4)
    array([ 0.6667, -0.3333, -0.3333])
    """
    content, mixed, shifted, weights = _address(memory, previous, address)
    check_array("dweights", dweights, weights.shape)
    key, strength, gate, shift, gamma = address
    offsets = _offsets(shift)

    dscores = weights * (dweights - (dweights * weights).sum())  # of γ log w̃
    positive = shifted > 0
    safe = np.where(positive, shifted, 1)
    dgamma = np.where(positive, dscores * np.log(safe), 0).sum()
    dshifted = np.where(positive, dscores * gamma / safe, 0)
    dmixed = sum(s * np.roll(dshifted, -k) for s, k in zip(shift, offsets, strict=True))
    dshift = np.stack([(dshifted * np.roll(mixed, k)).sum() for k in offsets])
    dgate = (dmixed * (content - previous)).sum()
    dmemory, dkey, dstrength = content_addressing_backward(
        np.asarray(dmixed * gate), memory, key, strength
    )
    daddress = NTMAddress(dkey, dstrength, np.asarray(dgate), dshift, np.asarray(dgamma))
    return dmemory, np.asarray(dmixed * (1 - gate)), daddress


def _address(memory: Array, previous: Array, address: NTMAddress) -> tuple[Array, ...]:
    """Run the four steps of addressing: content, interpolated, shifted and sharpened weights."""
    _check_address(memory, previous, address)
    key, strength, gate, shift, gamma = address
    content = content_addressing(memory, key, strength)  # (N,)
    mixed = gate * content + (1 - gate) * previous
    shifted = np.zeros_like(mixed)
    for s, k in zip(shift, _offsets(shift), strict=True):
        shifted += s * np.roll(mixed, k)
    if (shifted < 0).any() or not shifted.any():
        raise ValueError(f"expected weights of at least 0, not all 0, got {shifted.min():g}")
    with np.errstate(divide="ignore", over="ignore"):  # log 0 = −inf: nothing there
        logs = np.log(shifted)
        sharp = softmax(gamma * (logs - logs.max()))
    return content, mixed, shifted, sharp


def _offsets(shift: Array) -> range:
    reach = len(shift) // 2
    return range(-reach, reach + 1)


# --- heads ----------------------------------------------------------------------------------------


class NTMReadHeadParams(NamedTuple):
    """Weights and biases by which a controller state ``(H,)`` becomes an `NTMAddress`.

    ``W_key (M, H)``, ``W_strength (1, H)``, ``W_gate (1, H)``, ``W_shift (S, H)``,
    ``W_sharpening (1, H)``; each bias has as many entries as its weight has rows.
    """

    W_key: Array
    b_key: Array
    W_strength: Array
    b_strength: Array
    W_gate: Array
    b_gate: Array
    W_shift: Array
    b_shift: Array
    W_sharpening: Array
    b_sharpening: Array


class NTMWriteHeadParams(NamedTuple):
    """Those of `NTMReadHeadParams`, and ``W_erase (M, H)``, ``W_add (M, H)`` with their biases."""

    W_key: Array
    b_key: Array
    W_strength: Array
    b_strength: Array
    W_gate: Array
    b_gate: Array
    W_shift: Array
    b_shift: Array
    W_sharpening: Array
    b_sharpening: Array
    W_erase: Array
    b_erase: Array
    W_add: Array
    b_add: Array


def ntm_read_head(
    h: Array, memory: Array, previous: Array, params: NTMReadHeadParams
) -> tuple[Array, Array]:
    r"""Let a controller read: from its state to an address, from the address to a vector.

    Parameters
    ----------
    h : ndarray, shape (H,)
        State of the controller, for one example.
    memory : ndarray, shape (N, M)
    previous : ndarray, shape (N,)
        The head's weights one step before.
    params : NTMReadHeadParams

    Returns
    -------
    read : ndarray, shape (M,)
    weights : ndarray, shape (N,)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    .. math::
        k &= \tanh(W_k h + b_k), \quad β = \operatorname{softplus}(W_β h + b_β), \quad
        g = σ(W_g h + b_g) \\
        s &= \operatorname{softmax}(W_s h + b_s), \quad
        γ = 1 + \operatorname{softplus}(W_γ h + b_γ)

    The paper fixes the ranges, not the functions; the ``tanh`` on the key is a common choice.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMReadHeadParams, ntm_read_head
    >>> sizes = (2, 1, 1, 3, 1)
    >>> params = NTMReadHeadParams(*[a for n in sizes for a in (np.zeros((n, 4)), np.zeros(n))])
    >>> read, weights = ntm_read_head(np.ones(4), np.ones((5, 2)), np.full(5, 0.2), params)
    >>> read, weights
    (array([1., 1.]), array([0.2, 0.2, 0.2, 0.2, 0.2]))
    """
    _check_head(h, memory, params)
    weights = ntm_addressing(memory, previous, _emit(h, params))
    return memory_read(memory, weights), weights


def ntm_read_head_backward(
    dread: Array,
    dweights: Array,
    h: Array,
    memory: Array,
    previous: Array,
    params: NTMReadHeadParams,
) -> tuple[Array, Array, Array, NTMReadHeadParams]:
    """Take loss gradients back through `ntm_read_head`.

    Parameters
    ----------
    dread : ndarray, shape (M,)
        Loss gradient of what was read.
    dweights : ndarray, shape (N,)
        Loss gradient of the weights from later steps (zero if there are none).
    h, memory, previous, params
        As given to the forward pass.

    Returns
    -------
    dh : ndarray, shape (H,)
    dmemory : ndarray, shape (N, M)
    dprevious : ndarray, shape (N,)
    grads : NTMReadHeadParams

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMReadHeadParams, ntm_read_head_backward
    >>> sizes = (2, 1, 1, 3, 1)
    >>> params = NTMReadHeadParams(*[a for n in sizes for a in (np.zeros((n, 4)), np.zeros(n))])
    >>> _, dmemory, _, _ = ntm_read_head_backward(
    ...     np.ones(2), np.zeros(5), np.ones(4), np.ones((5, 2)), np.full(5, 0.2), params
    ... )
    >>> dmemory[0]
    array([0.2, 0.2])
    """
    _check_head(h, memory, params)
    check_array("dweights", dweights, (memory.shape[0],))
    address = _emit(h, params)
    weights = ntm_addressing(memory, previous, address)
    dmemory, dw = memory_read_backward(dread, memory, weights)
    dmemory_address, dprevious, daddress = ntm_addressing_backward(
        dw + dweights, memory, previous, address
    )
    dh, grads = _emit_backward(daddress, h, params)
    return dh, dmemory + dmemory_address, dprevious, NTMReadHeadParams(*grads)


def ntm_write_head(
    h: Array, memory: Array, previous: Array, params: NTMWriteHeadParams
) -> tuple[Array, Array]:
    r"""Let a controller write: from its state to an address, an erase and an add vector.

    Parameters
    ----------
    h : ndarray, shape (H,)
        State of the controller, for one example.
    memory : ndarray, shape (N, M)
    previous : ndarray, shape (N,)
        The head's weights one step before.
    params : NTMWriteHeadParams

    Returns
    -------
    memory_next : ndarray, shape (N, M)
    weights : ndarray, shape (N,)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    The address is that of `ntm_read_head`. Further ``e = σ(W_e h + b_e)`` and
    ``a = tanh(W_a h + b_a)``, then `memory_write`.

    References
    ----------
    A. Graves, G. Wayne, I. Danihelka (2014). Neural Turing Machines. arXiv:1410.5401.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMWriteHeadParams, ntm_write_head
    >>> sizes = (2, 1, 1, 3, 1, 2, 2)
    >>> params = NTMWriteHeadParams(*[a for n in sizes for a in (np.zeros((n, 4)), np.zeros(n))])
    >>> memory, weights = ntm_write_head(np.ones(4), np.ones((5, 2)), np.full(5, 0.2), params)
    >>> memory[0]
    array([0.9, 0.9])
    """
    _check_head(h, memory, params)
    weights = ntm_addressing(memory, previous, _emit(h, params))
    erase = sigmoid(params.W_erase @ h + params.b_erase)  # (M,)
    add = np.tanh(params.W_add @ h + params.b_add)  # (M,)
    return memory_write(memory, weights, erase, add), weights


def ntm_write_head_backward(
    dmemory_next: Array,
    dweights: Array,
    h: Array,
    memory: Array,
    previous: Array,
    params: NTMWriteHeadParams,
) -> tuple[Array, Array, Array, NTMWriteHeadParams]:
    """Take loss gradients back through `ntm_write_head`.

    Parameters
    ----------
    dmemory_next : ndarray, shape (N, M)
        Loss gradient of the memory after the step.
    dweights : ndarray, shape (N,)
        Loss gradient of the weights from later steps (zero if there are none).
    h, memory, previous, params
        As given to the forward pass.

    Returns
    -------
    dh : ndarray, shape (H,)
    dmemory : ndarray, shape (N, M)
    dprevious : ndarray, shape (N,)
    grads : NTMWriteHeadParams

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import NTMWriteHeadParams, ntm_write_head_backward
    >>> sizes = (2, 1, 1, 3, 1, 2, 2)
    >>> params = NTMWriteHeadParams(*[a for n in sizes for a in (np.zeros((n, 4)), np.zeros(n))])
    >>> *_, grads = ntm_write_head_backward(
    ...     np.ones((5, 2)), np.zeros(5), np.ones(4), np.ones((5, 2)), np.full(5, 0.2), params
    ... )
    >>> grads.b_add, grads.b_erase
    (array([1., 1.]), array([-0.25, -0.25]))
    """
    _check_head(h, memory, params)
    check_array("dweights", dweights, (memory.shape[0],))
    address = _emit(h, params)
    weights = ntm_addressing(memory, previous, address)
    erase = sigmoid(params.W_erase @ h + params.b_erase)
    add = np.tanh(params.W_add @ h + params.b_add)
    dmemory, dw, derase, dadd = memory_write_backward(dmemory_next, memory, weights, erase, add)
    dmemory_address, dprevious, daddress = ntm_addressing_backward(
        dw + dweights, memory, previous, address
    )
    dh, grads = _emit_backward(daddress, h, params)
    delta_erase = derase * erase * (1 - erase)
    delta_add = dadd * (1 - add**2)
    dh = dh + delta_erase @ params.W_erase + delta_add @ params.W_add
    grads += (np.outer(delta_erase, h), delta_erase, np.outer(delta_add, h), delta_add)
    return dh, dmemory + dmemory_address, dprevious, NTMWriteHeadParams(*grads)


def _emit(h: Array, params: Any) -> NTMAddress:
    """Turn a controller's state into an address, each part in its range."""
    return NTMAddress(
        np.tanh(params.W_key @ h + params.b_key),
        _softplus(params.W_strength @ h + params.b_strength).reshape(()),
        sigmoid(params.W_gate @ h + params.b_gate).reshape(()),
        softmax(params.W_shift @ h + params.b_shift),
        (1 + _softplus(params.W_sharpening @ h + params.b_sharpening)).reshape(()),
    )


def _emit_backward(daddress: NTMAddress, h: Array, params: Any) -> tuple[Array, tuple[Array, ...]]:
    """Take an address's gradient back to the controller's state and the ten parameters."""
    key, _, gate, shift, _ = _emit(h, params)
    dkey, dstrength, dgate, dshift, dsharpening = daddress
    g = gate.reshape(1)  # with an axis, as NumPy 1 would make float64 of single-precision scalars
    deltas = (
        dkey * (1 - key**2),
        dstrength * sigmoid(params.W_strength @ h + params.b_strength),
        dgate * (g * (1 - g)),
        shift * (dshift - (dshift * shift).sum()),
        dsharpening * sigmoid(params.W_sharpening @ h + params.b_sharpening),
    )
    weights = (
        params.W_key,
        params.W_strength,
        params.W_gate,
        params.W_shift,
        params.W_sharpening,
    )
    dh = sum(delta @ W for delta, W in zip(deltas, weights, strict=True))
    return np.asarray(dh), tuple(g for delta in deltas for g in (np.outer(delta, h), delta))


def _softplus(z: Array) -> Array:
    """Return ``log(1 + exp(z))``, silent for any finite ``z``."""
    return np.asarray(np.logaddexp(0, z, dtype=z.dtype))


# --- checks ---------------------------------------------------------------------------------------


def _check_content(memory: Any, key: Any, strength: Any) -> Any:
    """Raise unless content can be addressed; give the strength in the memory's dtype."""
    check_array("memory", memory, ("N", "M"))
    check_array("key", key, (memory.shape[1],))
    if np.ndim(strength) != 0:
        raise ValueError(f"expected strength as a single number, got shape {np.shape(strength)}")
    for name, value in (("memory", memory), ("key", key), ("strength", strength)):
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got NaN")
    limit = np.finfo(memory.dtype).max
    return memory.dtype.type(np.clip(strength, -limit, limit))


def _check_write(memory: Any, weights: Any, erase: Any, add: Any) -> None:
    check_array("memory", memory, ("N", "M"))
    check_array("weights", weights, (memory.shape[0],))
    check_array("erase", erase, (memory.shape[1],))
    check_array("add", add, (memory.shape[1],))


def _check_address(memory: Any, previous: Any, address: NTMAddress) -> None:
    check_array("memory", memory, ("N", "M"))
    check_array("previous", previous, (memory.shape[0],))
    check_array("shift", address.shift, ("S",))
    shifts, rows = len(address.shift), memory.shape[0]
    if shifts % 2 == 0 or shifts > rows:
        raise ValueError(f"expected an odd number of shifts up to N = {rows}, got {shifts}")
    for name, value in (("gate", address.gate), ("sharpening", address.sharpening)):
        if np.ndim(value) != 0:
            raise ValueError(f"expected {name} as a single number, got shape {np.shape(value)}")
    if not 0 <= address.gate <= 1:
        raise ValueError(f"expected a gate between 0 and 1, got {address.gate}")
    if not address.sharpening >= 1:
        raise ValueError(f"expected a sharpening of at least 1, got {address.sharpening}")


def _check_head(h: Any, memory: Any, params: Any) -> None:
    check_array("h", h, ("H",))
    check_array("memory", memory, ("N", "M"))
    check_array("W_shift", params.W_shift, ("S", "H"))
    rows = {"shift": params.W_shift.shape[0]}
    rows.update(dict.fromkeys(("key", "erase", "add"), memory.shape[1]))
    for name, value in zip(params._fields, params, strict=True):
        kind, role = name.split("_")
        size = rows.get(role, 1)
        check_array(name, value, (size, h.shape[0]) if kind == "W" else (size,))
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")
