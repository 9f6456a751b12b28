"""State-space models: a linear memory in continuous time, and the gate it becomes in steps."""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.params import Array
from lstm_ref.validation import as_floating, check_broadcast

__all__ = ["zero_order_hold"]


def zero_order_hold(a: ArrayLike, b: ArrayLike, step: ArrayLike) -> tuple[Array, Array]:
    r"""Turn ``dh/dt = a h + b u`` into a step for an input that is held while the step lasts.

    Parameters
    ----------
    a : array_like, shape (...)
        Rate of every state; negative lets it decay.
    b : array_like, shape (...)
        How strongly the input drives every state.
    step : array_like, shape (...)
        Length of the step, not negative. An array gives every time step, or every input, its own.

    Returns
    -------
    keep, write : ndarray, shape (...)
        Factors of the old state and of the input: ``h' = keep · h + write · u``. Shapes broadcast.

    Raises
    ------
    ValueError
        If shapes do not fit, or a step is negative.

    Notes
    -----
    .. math::
        keep = e^{Δ a}, \qquad write = \frac{e^{Δ a} - 1}{a} \, b

    and ``write = Δ b`` where ``a = 0``. With ``a = −1`` and ``b = 1``, ``write = 1 − keep``; if
    further ``Δ = softplus(z)``, then ``write = σ(z)``: a gate.

    References
    ----------
    A. Gu, T. Dao (2024). Mamba: Linear-Time Sequence Modeling with Selective State Spaces. COLM.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import zero_order_hold
    >>> keep, write = zero_order_hold(-1.0, 1.0, np.log([1.0, 2.0, 4.0]))
    >>> keep.round(4), write.round(4)
    (array([1.  , 0.5 , 0.25]), array([0.  , 0.5 , 0.75]))
    """
    check_broadcast(a=a, b=b, step=step)
    rate, drive, length = as_floating("a", a), as_floating("b", b), as_floating("step", step)
    if (length < 0).any():
        raise ValueError(f"expected steps of at least 0, got {length.min():g}")
    z = length * rate
    still = rate == 0
    held = np.where(still, length, np.expm1(z) / np.where(still, 1, rate))
    return np.asarray(np.exp(z)), np.asarray(held * drive)
