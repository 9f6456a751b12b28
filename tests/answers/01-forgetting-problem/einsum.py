"""Right answers with einsum and diag."""

import numpy as np


def rnn_step(x, h, W, b):
    H = h.shape[1]
    z = np.einsum("bj,ij->bi", h, W[:, :H]) + np.einsum("bj,ij->bi", x, W[:, H:])
    z += b
    return np.tanh(z)


def rnn_forward(xs, h0, W, b):
    states = [h0]
    for x in xs:
        states += [rnn_step(x, states[-1], W, b)]
    return np.array(states[1:])


def rnn_jacobian(h_next, W):
    H = h_next.shape[1]
    return np.einsum("bi,ij->bij", 1 - np.square(h_next), W[:, :H])


def gradient_norms(jacobians):
    out, P = [1.0], None
    for J in reversed(list(jacobians)):
        P = J if P is None else np.dot(P, J)
        out.append(np.linalg.norm(P, ord=2))
    return np.asarray(out).astype(jacobians.dtype)


def clip_by_global_norm(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads.values()]))
    scale = min(1.0, max_norm / norm) if norm else 1.0
    return {k: (g * scale).astype(g.dtype) for k, g in grads.items()}, norm
