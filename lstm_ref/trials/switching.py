"""Variable selection at work: which of two inputs counts depends on a third, the others never do.

The first variable is a switch. Where it is positive the answer is the second variable, else the
third; the rest is noise. A network that mixes its variables with fixed weights cannot solve this,
however well it treats each one: its answer is a sum of functions of one variable each.

Shapes
------
``B`` batch, ``J`` variables, ``H`` width.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.initializers import init_linear_params, uniform
from lstm_ref.legacy.tft import (
    VSNParams,
    gated_residual_network,
    gated_residual_network_backward,
    variable_selection_network,
    variable_selection_network_backward,
)
from lstm_ref.linear import LinearParams, linear_backward, linear_forward
from lstm_ref.optim import adam
from lstm_ref.params import Array, GRNParams
from lstm_ref.training import train
from lstm_ref.validation import check_at_least, check_generator

__all__ = [
    "SELECTORS",
    "SelectorParams",
    "SelectorResult",
    "init_grn_params",
    "init_selector_params",
    "open_gates",
    "selector_loss",
    "switching_batch",
    "train_selector",
]

#: Kinds of selector: it chooses for every example, or all variables always weigh the same.
SELECTORS = ("selected", "equal")


class SelectorParams(NamedTuple):
    """An embedding ``E e (J, H)`` of every variable, the selection, and a readout to one number."""

    E: Array
    e: Array
    vsn: VSNParams
    readout: LinearParams


class SelectorResult(NamedTuple):
    """What `train_selector` gives.

    ``error`` is the mean squared error on fresh examples, ``weights (2, J)`` the mean weight of
    every variable where the switch is positive and where it is not.
    """

    error: float
    weights: Array
    params: SelectorParams


def switching_batch(rng: np.random.Generator, size: int, variables: int = 6) -> tuple[Array, Array]:
    """Draw examples: normal variables, and the one to which the first points.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
    variables : int, optional
        ``J``, at least 3.

    Returns
    -------
    xs : ndarray, shape (B, J)
    targets : ndarray, shape (B, 1)

    Raises
    ------
    ValueError
        If there are fewer than three variables or no example, or `rng` is no generator.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.switching import switching_batch
    >>> xs, targets = switching_batch(np.random.default_rng(0), 100)
    >>> on = xs[:, 0] > 0
    >>> bool((targets[on, 0] == xs[on, 1]).all() and (targets[~on, 0] == xs[~on, 2]).all())
    True
    """
    check_generator(rng)
    check_at_least(3, variables=variables)
    check_at_least(1, size=size)
    xs = rng.standard_normal((size, variables))
    return xs, np.where(xs[:, :1] > 0, xs[:, 1:2], xs[:, 2:3])


def init_grn_params(
    rng: np.random.Generator, inputs: int, inner: int, outer: int, context: int = 1
) -> GRNParams:
    """Draw the first parameters of a gated residual network.

    Parameters
    ----------
    rng : numpy.random.Generator
    inputs, inner, outer : int
        Width of what goes in, of the hidden layers, and of what comes out.
    context : int, optional
        Width of the context.

    Returns
    -------
    GRNParams
        Weights uniform in one over the root of their inputs, biases 0, ``gamma`` 1.

    Raises
    ------
    ValueError
        If a number is below 1, or `rng` is no generator.
    """
    check_generator(rng)
    check_at_least(1, inputs=inputs, inner=inner, outer=outer, context=context)

    def weight(rows: int, columns: int) -> Array:
        return uniform(rng, (rows, columns), columns**-0.5)

    return GRNParams(
        W_1=weight(inner, inner),
        b_1=np.zeros(inner),
        W_2=weight(inner, inputs),
        b_2=np.zeros(inner),
        W_3=weight(inner, context),
        W_4=weight(outer, inner),
        b_4=np.zeros(outer),
        W_5=weight(outer, inner),
        b_5=np.zeros(outer),
        gamma=np.ones(outer),
        beta=np.zeros(outer),
    )


def init_selector_params(
    rng: np.random.Generator, variables: int = 6, width: int = 6
) -> SelectorParams:
    """Draw the first parameters of a selector.

    Parameters
    ----------
    rng : numpy.random.Generator
    variables, width : int, optional
        ``J`` and ``H``.

    Returns
    -------
    SelectorParams

    Raises
    ------
    ValueError
        If a number is below 1, or `rng` is no generator.
    """
    check_generator(rng)
    check_at_least(1, variables=variables, width=width)
    flat = variables * width
    vsn = VSNParams(
        variables=tuple(init_grn_params(rng, width, width, width) for _ in range(variables)),
        selection=init_grn_params(rng, flat, width, variables),
        W_skip=uniform(rng, (variables, flat), flat**-0.5),
        b_skip=np.zeros(variables),
    )
    E, e = uniform(rng, (variables, width), 1.0), uniform(rng, (variables, width), 1.0)
    return SelectorParams(E, e, vsn, init_linear_params(rng, width, 1))


def open_gates(params: SelectorParams) -> SelectorParams:
    """Open the gates inside all blocks, for good: so far out, a sigmoid has no slope to learn by.

    Parameters
    ----------
    params : SelectorParams

    Returns
    -------
    SelectorParams

    Raises
    ------
    ValueError
        If `params` are those of something else.
    """
    if not isinstance(params, SelectorParams):
        raise ValueError(f"expected SelectorParams, got {type(params).__name__}")

    def opened(block: GRNParams) -> GRNParams:
        return block._replace(W_4=0 * block.W_4, b_4=np.full_like(block.b_4, 1000.0))

    blocks = tuple(opened(block) for block in params.vsn.variables)
    vsn = params.vsn._replace(variables=blocks, selection=opened(params.vsn.selection))
    return params._replace(vsn=vsn)


def selector_loss(
    params: SelectorParams, xs: Array, targets: Array, kind: str = "selected"
) -> tuple[float, SelectorParams, Array]:
    """Mean squared error of a selector, its gradients, and the weights it gave the variables.

    Parameters
    ----------
    params : SelectorParams
    xs : ndarray, shape (B, J)
    targets : ndarray, shape (B, 1)
    kind : str
        One of `SELECTORS`. With ``"equal"`` the block that selects gets gradients of zero.

    Returns
    -------
    loss : float
    grads : SelectorParams
    weights : ndarray, shape (B, J)

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in SELECTORS:
        raise ValueError(f"expected a kind out of {', '.join(SELECTORS)}, got {kind!r}")
    vectors = xs[:, :, None] * params.E + params.e  # (B, J, H)
    chosen = kind == "selected"
    if chosen:
        mixed, weights = variable_selection_network(vectors, params.vsn)
    else:
        mixed, weights = _equal(vectors, params.vsn), np.full(xs.shape, 1 / xs.shape[1])
    answers = linear_forward(mixed, params.readout)  # (B, 1)
    error = answers - targets
    dmixed, readout = linear_backward(2 * error / error.size, mixed, params.readout)
    if chosen:
        dvectors, _, vsn = variable_selection_network_backward(dmixed, vectors, params.vsn)
    else:
        dvectors, vsn = _equal_backward(dmixed, vectors, params.vsn)
    dE = (dvectors * xs[:, :, None]).sum(axis=0)
    grads = SelectorParams(dE, dvectors.sum(axis=0), vsn, readout)
    return float((error**2).mean()), grads, weights


def _equal(vectors: Array, params: VSNParams) -> Array:
    """Mix what the variables' own blocks make of them with equal weights."""
    each = [gated_residual_network(vectors[:, j], p) for j, p in enumerate(params.variables)]
    return np.asarray(np.mean(each, axis=0))


def _equal_backward(dmixed: Array, vectors: Array, params: VSNParams) -> tuple[Array, VSNParams]:
    dvectors, blocks = np.empty_like(vectors), []
    for j, p in enumerate(params.variables):
        dvectors[:, j], _, grads = gated_residual_network_backward(
            dmixed / len(params.variables), vectors[:, j], p
        )
        blocks.append(grads)
    unused = GRNParams(*(np.zeros_like(value) for value in params.selection))
    return dvectors, VSNParams(tuple(blocks), unused, 0 * params.W_skip, 0 * params.b_skip)


def train_selector(
    kind: str,
    seed: int,
    updates: int = 600,
    size: int = 64,
    learning_rate: float = 0.02,
    prepare: Callable[[SelectorParams], SelectorParams] | None = None,
) -> SelectorResult:
    """Train a selector, and test it on fresh examples.

    Parameters
    ----------
    kind : str
        One of `SELECTORS`.
    seed : int
        Of first weights and data; both kinds see the same of both.
    updates, size : int, optional
        Updates of Adam, each on so many fresh examples, gradients clipped to norm 1.
    learning_rate : float, optional
    prepare : callable, optional
        Changes the first parameters, as `open_gates` does.

    Returns
    -------
    SelectorResult

    Raises
    ------
    ValueError
        If the kind is unknown or a number is out of range.

    Examples
    --------
    >>> from lstm_ref.trials.switching import train_selector
    >>> train_selector("selected", seed=0, updates=1).weights.shape
    (2, 6)
    """

    def loss_and_grad(params: Any, batch: Any, rng: Any) -> tuple[float, SelectorParams]:
        xs, targets = batch
        return selector_loss(params, xs, targets, kind)[:2]

    start = init_selector_params(np.random.default_rng([seed, 1]))
    params = train(
        loss_and_grad,
        start if prepare is None else prepare(start),
        lambda rng, step: switching_batch(rng, size),
        adam(learning_rate),
        np.random.default_rng([seed, 2]),
        updates,
        max_norm=1.0,
    ).params
    xs, targets = switching_batch(np.random.default_rng([seed, 3]), 2000)
    error, _, weights = selector_loss(params, xs, targets, kind)
    on = xs[:, 0] > 0
    return SelectorResult(error, np.stack([weights[on].mean(0), weights[~on].mean(0)]), params)
