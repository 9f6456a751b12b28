"""Many small networks of one kind trained at once: how the variants of chapter 5 are compared.

Training the same cell from several seeds and with several learning rates means the same products
again and again, so all runs go through one batched product. The equations are those of `rnn`,
`gru`, `cells` and `variants`, whose gradients the tests compare with these.

Shapes
------
``R`` runs, ``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size, ``G`` blocks of the cell.
A cell's weights are stacked: ``W (R, G·H, H + D)``, ``b (R, 1, G·H)``, peepholes ``p (R, 3, H)``.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.validation import check_array, check_at_least, check_generator

__all__ = [
    "KINDS",
    "ComparisonResult",
    "Weights",
    "adding_batch",
    "compare",
    "hidden_size_for",
    "last_loss",
    "order_batch",
]

#: Blocks of weights of each kind, in their order in ``W``.
KINDS = {
    "rnn": "h",
    "gru": "zrh",
    "lstm": "fico",
    "coupled": "fco",
    "peephole": "fico",
    "lstm1997": "ico",
}


class Weights(NamedTuple):
    """All parameters of a cell and of the linear map behind it, for every run."""

    W: Array
    b: Array
    p: Array
    V: Array
    a: Array


class ComparisonResult(NamedTuple):
    """What `compare` measured for one kind of cell.

    ``hidden_size`` and ``parameters`` of the cell; ``errors (rates, seeds)`` on fresh sequences
    after training; ``validation (rates, seeds)`` on others, from which the rate is chosen;
    ``learning_rates`` in the order of the rows.
    """

    kind: str
    hidden_size: int
    parameters: int
    learning_rates: tuple[float, ...]
    errors: Array
    validation: Array

    @property
    def best(self) -> Array:
        """Errors of the seeds at the learning rate with the lowest median on validation."""
        return np.asarray(self.errors[np.argmin(np.median(self.validation, axis=1))])


def hidden_size_for(kind: str, input_size: int, parameters: int) -> int:
    """Choose the hidden size with which a cell comes nearest to a number of parameters.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    input_size : int
    parameters : int

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `kind` is unknown or a number below 1.

    Examples
    --------
    >>> from lstm_ref.trials.comparison import hidden_size_for
    >>> hidden_size_for("lstm", 2, 600), hidden_size_for("rnn", 2, 600)
    (11, 23)
    """
    _check_kind(kind)
    check_at_least(1, input_size=input_size, parameters=parameters)
    sizes = range(1, 1000)
    return min(sizes, key=lambda H: abs(_count(kind, input_size, H) - parameters))


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"expected a kind out of {', '.join(KINDS)}, got {kind!r}")


def _count(kind: str, input_size: int, hidden_size: int) -> int:
    peepholes = 3 * hidden_size if kind == "peephole" else 0
    return len(KINDS[kind]) * hidden_size * (hidden_size + input_size + 1) + peepholes


def adding_batch(rng: np.random.Generator, size: int, steps: int) -> tuple[Array, Array]:
    """Draw sequences of the adding problem: sum the two values that are marked.

    Parameters
    ----------
    rng : numpy.random.Generator
    size, steps : int

    Returns
    -------
    xs : ndarray, shape (T, B, 2)
        Values uniform in [0, 1], and markers, one in each half.
    targets : ndarray, shape (B,)

    Raises
    ------
    ValueError
        If there is no sequence, or fewer than 2 steps.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8),
    experiment 4, whose ranges and places are somewhat different.
    """
    check_generator(rng)
    check_at_least(1, size=size)
    check_at_least(2, steps=steps)
    values, marks = rng.random((steps, size)), np.zeros((steps, size))
    rows = np.arange(size)
    first, second = rng.integers(0, steps // 2, size), rng.integers(steps // 2, steps, size)
    marks[first, rows] = marks[second, rows] = 1
    return np.stack([values, marks], axis=2), values[first, rows] + values[second, rows]


def order_batch(rng: np.random.Generator, size: int, steps: int) -> tuple[Array, Array]:
    """Draw sequences in which the order of two signs counts, everything else is noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    size, steps : int

    Returns
    -------
    xs : ndarray, shape (T, B, 2)
        Noise of standard deviation 0.2, and a marker; where it is 1 the first entry is ±1.
    targets : ndarray, shape (B,)
        0.75 for −1 then +1, 0.25 for +1 then −1, and 0.5 if both signs are the same.

    Raises
    ------
    ValueError
        If there is no sequence, or fewer than 4 steps.

    References
    ----------
    After S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8),
    experiment 6.
    """
    check_generator(rng)
    check_at_least(1, size=size)
    check_at_least(4, steps=steps)
    xs = np.zeros((steps, size, 2))
    xs[..., 0] = 0.2 * rng.standard_normal((steps, size))
    rows = np.arange(size)
    signs = rng.choice([-1.0, 1.0], (2, size))
    places = rng.integers(0, steps // 4, size), rng.integers(steps // 4, steps // 2, size)
    for place, sign in zip(places, signs, strict=True):
        xs[place, rows, 0], xs[place, rows, 1] = sign, 1
    return xs, 0.5 + 0.125 * (signs[1] - signs[0])


def _start(kind: str, rngs: list[np.random.Generator], D: int, H: int, keep: float) -> Weights:
    """Draw each run's weights from its own generator, uniform in ``±1/√H``."""
    bound, blocks = 1 / np.sqrt(H), KINDS[kind]
    W = np.stack([r.uniform(-bound, bound, (len(blocks) * H, H + D)) for r in rngs])
    b = np.zeros((len(rngs), 1, len(blocks) * H))
    for letter, bias in (("f", keep), ("z", -keep)):
        if letter in blocks:
            k = blocks.index(letter)
            b[:, :, k * H : (k + 1) * H] = bias
    if kind == "rnn":
        W[:, :, :H] = [np.linalg.qr(r.standard_normal((H, H)))[0] for r in rngs]
    p = np.stack([r.uniform(-bound, bound, (3, H)) for r in rngs]) * (kind == "peephole")
    V = np.stack([r.uniform(-bound, bound, (1, H)) for r in rngs])
    return Weights(W, b, p, V, np.zeros((len(rngs), 1, 1)))


def _lstm_step(
    kind: str, u: Array, c: Array, w: Weights
) -> tuple[Array, Array, Callable[..., Any]]:
    """One step of any cell with a cell state; the third result takes a gradient back."""
    H, blocks = c.shape[-1], KINDS[kind]
    part = {g: slice(k * H, (k + 1) * H) for k, g in enumerate(blocks)}
    z = u @ w.W.transpose(0, 2, 1) + w.b  # (R, B, G·H)
    p_f, p_i, p_o = (w.p[:, k : k + 1] for k in range(3))  # (R, 1, H)
    peep = kind == "peephole"
    f = sigmoid(z[..., part["f"]] + (p_f * c if peep else 0)) if "f" in part else np.ones_like(c)
    i = sigmoid(z[..., part["i"]] + (p_i * c if peep else 0)) if "i" in part else 1 - f
    candidate = np.tanh(z[..., part["c"]])
    c_next = f * c + i * candidate
    o = sigmoid(z[..., part["o"]] + (p_o * c_next if peep else 0))
    tanh_c = np.tanh(c_next)

    def back(dh: Array, dc: Array, grads: Weights) -> tuple[Array, Array]:
        delta = np.empty_like(z)
        delta[..., part["o"]] = delta_o = dh * tanh_c * o * (1 - o)
        dc = dc + dh * o * (1 - tanh_c**2) + (delta_o * p_o if peep else 0)
        delta[..., part["c"]] = dc * i * (1 - candidate**2)
        if "f" in part:
            through = c if "i" in part else c - candidate
            delta[..., part["f"]] = dc * through * f * (1 - f)
        if "i" in part:
            delta[..., part["i"]] = dc * candidate * i * (1 - i)
        before = dc * f
        if peep:
            delta_f, delta_i = delta[..., part["f"]], delta[..., part["i"]]
            before = before + delta_f * p_f + delta_i * p_i
            for k, (d, seen) in enumerate(((delta_f, c), (delta_i, c), (delta_o, c_next))):
                grads.p[:, k] += (d * seen).sum(axis=1)
        return _collect(delta, u, w, grads)[..., :H], before

    return o * tanh_c, c_next, back


def _gru_step(u: Array, h: Array, w: Weights) -> tuple[Array, Callable[..., Any]]:
    """One step of a GRU, reset gate before the product."""
    H = h.shape[-1]
    gates = sigmoid(u @ w.W[:, : 2 * H].transpose(0, 2, 1) + w.b[..., : 2 * H])
    z, r = gates[..., :H], gates[..., H:]
    reset = np.concatenate([r * h, u[..., H:]], axis=2)
    candidate = np.tanh(reset @ w.W[:, 2 * H :].transpose(0, 2, 1) + w.b[..., 2 * H :])

    def back(dh: Array, grads: Weights) -> Array:
        delta_h = dh * z * (1 - candidate**2)
        dreset = (delta_h @ w.W[:, 2 * H :])[..., :H]
        d = np.concatenate(
            [dh * (candidate - h) * z * (1 - z), dreset * h * r * (1 - r)], axis=2
        )  # (R, B, 2H)
        grads.W[:, : 2 * H] += d.transpose(0, 2, 1) @ u
        grads.W[:, 2 * H :] += delta_h.transpose(0, 2, 1) @ reset
        grads.b[..., : 2 * H] += d.sum(axis=1, keepdims=True)
        grads.b[..., 2 * H :] += delta_h.sum(axis=1, keepdims=True)
        before = dh * (1 - z) + dreset * r + (d @ w.W[:, : 2 * H])[..., :H]
        return np.asarray(before)

    return (1 - z) * h + z * candidate, back


def _collect(delta: Array, u: Array, w: Weights, grads: Weights) -> Array:
    """Add a step's gradients of weights and biases; return that of ``[h, x]``."""
    grads.W[...] += delta.transpose(0, 2, 1) @ u
    grads.b[...] += delta.sum(axis=1, keepdims=True)
    return np.asarray(delta @ w.W)


def last_loss(
    kind: str, xs: Array, targets: Array, w: Weights, backward: bool = True
) -> tuple[Array, Weights | None]:
    """Mean squared error of each run's prediction from its last hidden state, and the gradients.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    xs : ndarray, shape (T, R, B, D)
    targets : ndarray, shape (R, B)
    w : Weights
    backward : bool, optional
        Whether gradients are wanted.

    Returns
    -------
    losses : ndarray, shape (R,)
    grads : Weights or None
        Of each run's own loss.

    Raises
    ------
    ValueError
        If `kind` is unknown or a shape does not fit.
    """
    _check_kind(kind)
    check_array("xs", xs, ("T", "R", "B", "D"))
    check_array("targets", targets, xs.shape[1:3])
    runs, blocks, H = xs.shape[1], len(KINDS[kind]), w.V.shape[-1]
    shapes = (blocks * H, H + xs.shape[3]), (1, blocks * H), (3, H), (1, H), (1, 1)
    for name, value, shape in zip(w._fields, w, shapes, strict=True):
        check_array(name, value, (runs, *shape))
    size = xs.shape[2]
    h = c = np.zeros((runs, size, H), dtype=xs.dtype)
    backs: list[Any] = []  # for each step, what takes a gradient back through it
    for x in xs:
        u = np.concatenate([h, x], axis=2)  # (R, B, H + D)
        if kind == "rnn":
            h = np.tanh(u @ w.W.transpose(0, 2, 1) + w.b)
            backs.append((u, h))
        elif kind == "gru":
            h, back = _gru_step(u, h, w)
            backs.append(back)
        else:
            h, c, back = _lstm_step(kind, u, c, w)
            backs.append(back)
        if not backward:
            backs.clear()
    error = (h @ w.V.transpose(0, 2, 1) + w.a)[..., 0] - targets  # (R, B)
    losses = (error**2).mean(axis=1)
    if not backward:
        return losses, None
    grads = Weights(*(np.zeros_like(value) for value in w))
    dy = (2 / size) * error[..., None]  # (R, B, 1)
    grads.V[...] = dy.transpose(0, 2, 1) @ h
    grads.a[...] = dy.sum(axis=1, keepdims=True)
    dh, dc = dy @ w.V, np.zeros_like(h)
    for back in reversed(backs):
        if kind == "rnn":
            u, after = back
            dh = _collect(dh * (1 - after**2), u, w, grads)[..., :H]
        elif kind == "gru":
            dh = back(dh, grads)
        else:
            dh, dc = back(dh, dc, grads)
    return losses, grads


def compare(
    kind: str,
    batch: Callable[[np.random.Generator, int, int], tuple[Array, Array]],
    steps: int,
    parameters: int = 600,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    learning_rates: Sequence[float] = (0.01, 0.03),
    updates: int = 200,
    size: int = 32,
    keep: float = 1.0,
) -> ComparisonResult:
    """Train one kind of cell from several seeds at several learning rates, and test it.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    batch : callable
        Draws sequences and targets: `adding_batch` or `order_batch`.
    steps : int
        Length of the sequences.
    parameters : int, optional
        What every cell may spend; its hidden size follows.
    seeds : sequence of int, optional
        Of first weights and of data: every kind sees the same sequences.
    learning_rates : sequence of float, optional
    updates, size : int, optional
        Updates of Adam, each on `size` fresh sequences; gradients are clipped to norm 1.
    keep : float, optional
        Forget bias, or minus the update bias of a GRU.

    Returns
    -------
    ComparisonResult

    Raises
    ------
    ValueError
        If `kind` is unknown or a number below 1.
    """
    _check_kind(kind)
    check_at_least(1, steps=steps, updates=updates, size=size)
    D = batch(np.random.default_rng(0), 1, steps)[0].shape[2]
    H = hidden_size_for(kind, D, parameters)
    tiles = len(learning_rates)
    rngs = [np.random.default_rng([seed, 1]) for _ in range(tiles) for seed in seeds]
    w = Weights(*(v.astype(np.float32) for v in _start(kind, rngs, D, H, keep)))
    rates = np.repeat(np.asarray(learning_rates, dtype=np.float32), len(seeds))[:, None, None]
    data = [np.random.default_rng([seed, 2]) for seed in seeds]

    def draw(count: int) -> tuple[Array, Array]:
        xs, targets = zip(*(batch(rng, count, steps) for rng in data), strict=True)
        return (
            np.tile(np.stack(xs, axis=1), (1, tiles, 1, 1)).astype(np.float32),
            np.tile(np.stack(targets), (tiles, 1)).astype(np.float32),
        )

    optimizer = adam(1.0)  # its steps are scaled below, as each run has its own rate
    state = optimizer.init(w)
    for _ in range(updates):
        _, grads = last_loss(kind, *draw(size), w)
        assert grads is not None
        norm = np.sqrt(sum((g**2).sum(axis=(1, 2), keepdims=True) for g in grads))  # (R, 1, 1)
        scale = np.minimum(1, 1 / np.maximum(norm, 1e-12))
        moved, state = optimizer.update(Weights(*(g * scale for g in grads)), state, w)
        w = Weights(*(old + rates * (new - old) for old, new in zip(w, moved, strict=True)))
    validation, errors = (
        last_loss(kind, *draw(1000), w, backward=False)[0].reshape(tiles, len(seeds))
        for _ in range(2)
    )
    return ComparisonResult(kind, H, _count(kind, D, H), tuple(learning_rates), errors, validation)
