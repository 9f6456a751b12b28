"""Gates of the Temporal Fusion Transformer: its residual block and its choice of variables.

Shapes
------
``B`` batch, ``H`` width, ``C`` width of the context, ``J`` variables.

References
----------
B. Lim, S. Ö. Arık, N. Loeff, T. Pfister (2021). Temporal Fusion Transformers for Interpretable
Multi-horizon Time Series Forecasting. International Journal of Forecasting 37(4).
"""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.losses import softmax
from lstm_ref.params import Array, GRNParams
from lstm_ref.validation import check_array

__all__ = [
    "VSNParams",
    "gated_residual_network",
    "gated_residual_network_backward",
    "variable_selection_network",
    "variable_selection_network_backward",
]

_EPSILON = 1e-5  # added to the variance before its root


def gated_residual_network(a: Array, params: GRNParams, context: Array | None = None) -> Array:
    r"""Add to an input what a small network makes of it, as much as a gate lets through.

    Parameters
    ----------
    a : ndarray, shape (B, H)
    params : GRNParams
    context : ndarray, shape (B, C), optional
        What is known about the series as a whole. Taken as zero if omitted.

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        η_2 &= \operatorname{ELU}(W_2 a + W_3 \, \mathrm{context} + b_2), \qquad
        η_1 = W_1 η_2 + b_1 \\
        y &= \operatorname{LayerNorm}(a + σ(W_4 η_1 + b_4) · (W_5 η_1 + b_5))

    LayerNorm takes the mean off each row and divides by ``√(variance + 10⁻⁵)``, then multiplies by
    ``gamma`` and adds ``beta``. Where the gate is shut, the block is a normalised identity: depth
    that is not needed is skipped.

    References
    ----------
    B. Lim, S. Ö. Arık, N. Loeff, T. Pfister (2021). Temporal Fusion Transformers for Interpretable
    Multi-horizon Time Series Forecasting. International Journal of Forecasting 37(4).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRNParams, gated_residual_network
    >>> W, b = np.zeros((2, 2)), np.zeros(2)
    >>> params = GRNParams(W, b, W, b, np.zeros((2, 3)), W, b - 1000, W, b + 1, b + 1, b)
    >>> gated_residual_network(np.array([[3.0, 7.0]]), params).round(4)
    array([[-1.,  1.]])
    """
    check_array("a", a, ("B", "H"))
    width = a.shape[1]
    _check_grn(a, params, context, inner=width, outer=width)
    return _grn(a, a, params, context).out


def gated_residual_network_backward(
    dout: Array, a: Array, params: GRNParams, context: Array | None = None
) -> tuple[Array, Array | None, GRNParams]:
    r"""Take a loss gradient back through `gated_residual_network`.

    Parameters
    ----------
    dout : ndarray, shape (B, H)
        Loss gradient of the output.
    a, params, context
        As given to the forward pass.

    Returns
    -------
    da : ndarray, shape (B, H)
    dcontext : ndarray, shape (B, C), or None
        None if there was no context.
    grads : GRNParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    Through LayerNorm, with ``x̂`` the normalised row and ``s`` what it was divided by:

    .. math::
        dx = \frac{1}{s} \left( d\hat x - \overline{d\hat x}
        - \hat x \; \overline{d\hat x · \hat x} \right), \qquad d\hat x = dy · γ

    and ``ELU′(z)`` is 1 for ``z > 0``, else ``exp(z)``.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRNParams, gated_residual_network_backward
    >>> W, b = np.zeros((2, 2)), np.zeros(2)
    >>> params = GRNParams(W, b, W, b, np.zeros((2, 3)), W, b - 1000, W, b + 1, b + 1, b)
    >>> da, dcontext, grads = gated_residual_network_backward(
    ...     np.array([[1.0, 0.0]]), np.array([[3.0, 7.0]]), params
    ... )
    >>> dcontext is None, grads.gamma.round(4), grads.beta
    (True, array([-1.,  0.]), array([1., 0.]))
    """
    check_array("a", a, ("B", "H"))
    width = a.shape[1]
    _check_grn(a, params, context, inner=width, outer=width)
    check_array("dout", dout, a.shape)
    da, dskip, dcontext, grads = _grn_backward(dout, a, a, params, context)
    return da + dskip, dcontext, grads


class VSNParams(NamedTuple):
    """Parameters of a variable selection network over ``J`` variables of width ``H``.

    ``variables`` holds the `GRNParams` of each variable's own block, ``selection`` those of the
    block that weights them: ``W_2 (H, J H)``, ``W_1 (H, H)``, ``W_3 (H, C)``, ``W_4 W_5 (J, H)``,
    ``gamma beta b_4 b_5 (J,)``. As that block narrows, a linear map ``W_skip (J, J H)``,
    ``b_skip (J,)`` takes the place of its identity path.
    """

    variables: tuple[GRNParams, ...]
    selection: GRNParams
    W_skip: Array
    b_skip: Array


def variable_selection_network(
    variables: Array, params: VSNParams, context: Array | None = None
) -> tuple[Array, Array]:
    r"""Choose among variables, softly, and say which were chosen.

    Parameters
    ----------
    variables : ndarray, shape (B, J, H)
        Every variable as a vector of width ``H`` already.
    params : VSNParams
    context : ndarray, shape (B, C), optional
        Helps to choose; the variables' own blocks do not see it.

    Returns
    -------
    out : ndarray, shape (B, H)
    weights : ndarray, shape (B, J)
        Non-negative, each row sums to 1: how much each variable was used.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, an axis is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        v = \operatorname{softmax}(\mathrm{GRN}([ξ_1 … ξ_J], \mathrm{context})), \qquad
        y = \sum_j v_j \, \mathrm{GRN}_j(ξ_j)

    A softmax, not a sigmoid a variable: the variables compete.

    References
    ----------
    B. Lim, S. Ö. Arık, N. Loeff, T. Pfister (2021). Temporal Fusion Transformers for Interpretable
    Multi-horizon Time Series Forecasting. International Journal of Forecasting 37(4).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRNParams, VSNParams, variable_selection_network
    >>> def grn(inputs, inner, outer):
    ...     W = [np.zeros(s) for s in ((inner, inner), (inner, inputs), (inner, 1), (outer, inner))]
    ...     b, d = np.zeros(inner), np.zeros(outer)
    ...     return GRNParams(W[0], b, W[1], b, W[2], W[3], d, W[3], d, d + 1, d)
    >>> params = VSNParams((grn(2, 2, 2),) * 3, grn(6, 2, 3), np.zeros((3, 6)), np.zeros(3))
    >>> out, weights = variable_selection_network(np.ones((1, 3, 2)), params)
    >>> out.shape, weights.round(4)
    ((1, 2), array([[0.3333, 0.3333, 0.3333]]))
    """
    flat, skip = _check_vsn(variables, params, context)
    weights = softmax(_grn(flat, skip, params.selection, context).out)  # (B, J)
    each = [_grn(x, x, p, None).out for x, p in _pairs(variables, params)]  # J times (B, H)
    return np.asarray((weights[:, :, None] * np.stack(each, axis=1)).sum(axis=1)), weights


def variable_selection_network_backward(
    dout: Array, variables: Array, params: VSNParams, context: Array | None = None
) -> tuple[Array, Array | None, VSNParams]:
    """Take a loss gradient back through `variable_selection_network`.

    Parameters
    ----------
    dout : ndarray, shape (B, H)
        Loss gradient of ``out``.
    variables, params, context
        As given to the forward pass.

    Returns
    -------
    dvariables : ndarray, shape (B, J, H)
    dcontext : ndarray, shape (B, C), or None
    grads : VSNParams

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    Each variable is reached twice: through its own block, times its weight, and through the block
    that weighs it against the others.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRNParams, VSNParams, variable_selection_network_backward
    >>> one = GRNParams(*[np.ones((1, 1)), np.ones(1)] * 2, *[np.ones((1, 1))] * 2, np.ones(1),
    ...     np.ones((1, 1)), np.ones(1), np.ones(1), np.ones(1))
    >>> params = VSNParams((one,), one, np.ones((1, 1)), np.ones(1))
    >>> *_, grads = variable_selection_network_backward(np.ones((1, 1)), np.ones((1, 1, 1)), params)
    >>> grads.variables[0].beta
    array([1.])
    """
    flat, skip = _check_vsn(variables, params, context)
    batch_size, _, width = variables.shape
    check_array("dout", dout, (batch_size, width))
    weights = softmax(_grn(flat, skip, params.selection, context).out)  # (B, J)
    dvariables = np.empty_like(variables)  # (B, J, H)
    dweights = np.empty_like(weights)  # (B, J)
    grads = []
    for j, (x, p) in enumerate(_pairs(variables, params)):
        dweights[:, j] = (dout * _grn(x, x, p, None).out).sum(axis=1)
        dx, dskip_own, _, grad = _grn_backward(dout * weights[:, j : j + 1], x, x, p, None)
        dvariables[:, j] = dx + dskip_own
        grads.append(grad)

    dscores = weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))
    dflat, dskip, dcontext, selection = _grn_backward(
        dscores, flat, skip, params.selection, context
    )
    dflat = dflat + dskip @ params.W_skip
    dvariables += dflat.reshape(variables.shape)
    return (
        dvariables,
        dcontext,
        VSNParams(tuple(grads), selection, dskip.T @ flat, dskip.sum(axis=0)),
    )


def _pairs(variables: Array, params: VSNParams) -> list[tuple[Array, GRNParams]]:
    return [(variables[:, j], p) for j, p in enumerate(params.variables)]


# --- the block, with its identity path as an argument ---------------------------------------------


class _GRN(NamedTuple):
    """What the forward pass of a block computes, in order."""

    eta_2: Array
    eta_1: Array
    gate: Array
    value: Array
    normal: Array
    scale: Array
    out: Array


def _grn(a: Array, skip: Array, params: GRNParams, context: Array | None) -> _GRN:
    z = a @ params.W_2.T + params.b_2  # (B, inner)
    if context is not None:
        z = z + context @ params.W_3.T
    eta_2 = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
    eta_1 = eta_2 @ params.W_1.T + params.b_1  # (B, inner)
    gate = sigmoid(eta_1 @ params.W_4.T + params.b_4)  # (B, outer)
    value = eta_1 @ params.W_5.T + params.b_5  # (B, outer)
    x = skip + gate * value
    centred = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + _EPSILON)  # (B, 1)
    normal = centred / scale
    return _GRN(eta_2, eta_1, gate, value, normal, scale, normal * params.gamma + params.beta)


def _grn_backward(
    dout: Array, a: Array, skip: Array, params: GRNParams, context: Array | None
) -> tuple[Array, Array, Array | None, GRNParams]:
    """Give the gradients of `a`, `skip`, the context and the parameters."""
    eta_2, eta_1, gate, value, normal, scale, _ = _grn(a, skip, params, context)
    dnormal = dout * params.gamma
    mean = dnormal.mean(axis=1, keepdims=True)
    mean_product = (dnormal * normal).mean(axis=1, keepdims=True)
    dskip = (dnormal - mean - normal * mean_product) / scale  # (B, outer)
    delta_4 = dskip * value * (gate * (1 - gate))
    delta_5 = dskip * gate
    deta_1 = delta_4 @ params.W_4 + delta_5 @ params.W_5  # (B, inner)
    deta_2 = deta_1 @ params.W_1
    # For z ≤ 0, ELU′(z) = exp(z) = ELU(z) + 1.
    delta_2 = deta_2 * np.where(eta_2 > 0, 1, eta_2 + 1)
    dW_3 = np.zeros_like(params.W_3) if context is None else delta_2.T @ context
    grads = GRNParams(
        W_1=deta_1.T @ eta_2,
        b_1=deta_1.sum(axis=0),
        W_2=delta_2.T @ a,
        b_2=delta_2.sum(axis=0),
        W_3=dW_3,
        W_4=delta_4.T @ eta_1,
        b_4=delta_4.sum(axis=0),
        W_5=delta_5.T @ eta_1,
        b_5=delta_5.sum(axis=0),
        gamma=(dout * normal).sum(axis=0),
        beta=dout.sum(axis=0),
    )
    dcontext = None if context is None else delta_2 @ params.W_3
    return delta_2 @ params.W_2, dskip, dcontext, grads


# --- checks ---------------------------------------------------------------------------------------


def _check_grn(a: Any, params: Any, context: Any, inner: int, outer: int) -> None:
    """Raise unless a block from ``a (B, inputs)`` over `inner` to `outer` units fits."""
    check_array("a", a, ("B", "H"))
    if context is not None:
        check_array("context", context, (a.shape[0], "C"))
    width = "C" if context is None else context.shape[1]
    shapes: dict[str, tuple[int | str, ...]] = {
        "W_1": (inner, inner),
        "W_2": (inner, a.shape[1]),
        "W_3": (inner, width),
        "W_4": (outer, inner),
        "W_5": (outer, inner),
        "b_1": (inner,),
        "b_2": (inner,),
    }
    for name, value in zip(params._fields, params, strict=True):
        check_array(name, value, shapes.get(name, (outer,)))
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")


def _check_vsn(variables: Any, params: Any, context: Any) -> tuple[Array, Array]:
    """Raise unless all fits; give the variables side by side and the selection's linear path."""
    check_array("variables", variables, ("B", "J", "H"))
    batch_size, count, width = variables.shape
    if len(params.variables) != count:
        raise ValueError(f"expected parameters of {count} variables, got {len(params.variables)}")
    for j, block in enumerate(params.variables):
        _check_grn(variables[:, j], block, None, inner=width, outer=width)
    flat = variables.reshape(batch_size, count * width)  # (B, J H)
    _check_grn(flat, params.selection, context, inner=width, outer=count)
    check_array("W_skip", params.W_skip, (count, count * width))
    check_array("b_skip", params.b_skip, (count,))
    for name, value in (("W_skip", params.W_skip), ("b_skip", params.b_skip)):
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")
    return flat, flat @ params.W_skip.T + params.b_skip
