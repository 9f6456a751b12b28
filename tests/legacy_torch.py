"""The legacy chapter's blocks, stated again in PyTorch.

PyTorch's own functions are used where there are any (``glu``, attention, ``cosine_similarity``,
``layer_norm``); all gradients come from its autograd. Importing this needs PyTorch.
"""

import numpy as np
import torch

from lstm_ref import NTMAddress, SLSTMState, tree_items, tree_map
from tests.test_legacy import BLOCKS, GOLDEN, MASK, upstream_of

F = torch.nn.functional


def linear(x, W, b):
    return F.linear(x, W, b)


def glu(x):
    return F.glu(torch.stack([x["a"], x["b"]], dim=-1), dim=-1).squeeze(-1)


def highway(x):
    p = x["params"]
    t = torch.sigmoid(linear(x["x"], p.W_t, p.b_t))
    return t * torch.tanh(linear(x["x"], p.W_h, p.b_h)) + (1 - t) * x["x"]


def attention(x):
    mask = torch.tensor(MASK)
    some = mask.any(dim=1)  # PyTorch gives NaN where nothing is allowed; we give zeros
    out = torch.zeros(len(MASK), x["v"].shape[1], dtype=torch.float64)
    out[some] = F.scaled_dot_product_attention(x["q"][some], x["k"], x["v"], mask[some])
    return out


def gated_attention(x):
    return attention(x) * torch.sigmoid(x["gate"])


def content(memory, key, strength):
    return torch.softmax(strength * F.cosine_similarity(memory, key[None], dim=1), dim=0)


def write(memory, weights, erase, add):
    return memory * (1 - torch.outer(weights, erase)) + torch.outer(weights, add)


def addressing(memory, previous, address):
    mixed = address.gate * content(memory, address.key, address.strength)
    mixed = mixed + (1 - address.gate) * previous
    rows, reach = len(mixed), len(address.shift) // 2
    shifted = torch.stack(
        [
            sum(
                s * mixed[(n - k) % rows]
                for k, s in zip(range(-reach, reach + 1), address.shift, strict=True)
            )
            for n in range(rows)
        ]
    )
    sharp = shifted**address.sharpening
    return sharp / sharp.sum()


def emitted(x):
    h, p = x["h"], x["params"]
    return NTMAddress(
        torch.tanh(p.W_key @ h + p.b_key),
        F.softplus(p.W_strength @ h + p.b_strength)[0],
        torch.sigmoid(p.W_gate @ h + p.b_gate)[0],
        torch.softmax(p.W_shift @ h + p.b_shift, dim=0),
        1 + F.softplus(p.W_sharpening @ h + p.b_sharpening)[0],
    )


def read_head(x):
    weights = addressing(x["memory"], x["previous"], emitted(x))
    return weights @ x["memory"], weights


def write_head(x):
    h, p = x["h"], x["params"]
    weights = addressing(x["memory"], x["previous"], emitted(x))
    erase = torch.sigmoid(p.W_erase @ h + p.b_erase)
    return write(x["memory"], weights, erase, torch.tanh(p.W_add @ h + p.b_add)), weights


def grn(a, skip, p, context=None):
    z = linear(a, p.W_2, p.b_2)
    if context is not None:
        z = z + linear(context, p.W_3, None)
    eta = linear(F.elu(z), p.W_1, p.b_1)
    gated = torch.sigmoid(linear(eta, p.W_4, p.b_4)) * linear(eta, p.W_5, p.b_5)
    return F.layer_norm(skip + gated, skip.shape[-1:], p.gamma, p.beta, eps=1e-5)


def variable_selection(x):
    v, p = x["variables"], x["params"]
    flat = v.flatten(1)
    scores = grn(flat, linear(flat, p.W_skip, p.b_skip), p.selection, x["context"])
    each = torch.stack([grn(v[:, j], v[:, j], q) for j, q in enumerate(p.variables)], dim=1)
    return (torch.softmax(scores, dim=1)[:, :, None] * each).sum(dim=1)


def scan(keep, write, h):
    hs = []
    for a, b in zip(keep, write, strict=True):
        h = a * h + b
        hs.append(h)
    return torch.stack(hs)


def min_gru(x):
    p = x["params"]
    z = torch.sigmoid(linear(x["xs"], p.W_z, p.b_z))
    return scan(1 - z, z * linear(x["xs"], p.W_h, p.b_h), x["h0"])


def min_lstm(x, normalize=True):
    p = x["params"]
    f = torch.sigmoid(linear(x["xs"], p.W_f, p.b_f))
    i = torch.sigmoid(linear(x["xs"], p.W_i, p.b_i))
    total = f + i if normalize else 1
    return scan(f / total, i / total * linear(x["xs"], p.W_h, p.b_h), x["h0"])


def slstm_step(x, state, p):
    hx = torch.cat([state.h, x], dim=1)
    log_f = F.logsigmoid(linear(hx, p.W_f, p.b_f)) + state.m
    raw_i = linear(hx, p.W_i, p.b_i)
    m = torch.where(state.n > 0, torch.maximum(log_f, raw_i), raw_i)
    f, i = torch.exp(log_f - m), torch.exp(raw_i - m)
    c = f * state.c + i * torch.tanh(linear(hx, p.W_c, p.b_c))
    n = f * state.n + i
    return type(state)(torch.sigmoid(linear(hx, p.W_o, p.b_o)) * c / n, c, n, m)


def slstm(x):
    shape = (x["xs"].shape[1], len(x["params"].b_f))
    state = SLSTMState(*(torch.zeros(shape, dtype=torch.float64) for _ in range(4)))
    hs = []
    for step in x["xs"]:
        state = slstm_step(step, state, x["params"])
        hs.append(state.h)
    return torch.stack(hs)


THEIRS = {
    "gated_linear_unit": glu,
    "highway_layer": highway,
    "scaled_dot_product_attention": attention,
    "gated_attention": gated_attention,
    "content_addressing": lambda x: content(x["memory"], x["key"], x["strength"]),
    "memory_read": lambda x: x["weights"] @ x["memory"],
    "memory_write": lambda x: write(x["memory"], x["weights"], x["erase"], x["add"]),
    "ntm_addressing": lambda x: addressing(x["memory"], x["previous"], x["address"]),
    "ntm_addressing with five shifts": lambda x: addressing(
        x["memory"], x["previous"], x["address"]
    ),
    "ntm_read_head": read_head,
    "ntm_write_head": write_head,
    "gated_residual_network": lambda x: grn(x["a"], x["a"], x["params"], x["context"]),
    "gated_residual_network without context": lambda x: grn(x["a"], x["a"], x["params"]),
    "variable_selection_network": variable_selection,
    "linear_scan": lambda x: scan(x["keep"], x["write"], x["h0"]),
    "min_gru_forward": min_gru,
    "min_lstm_forward": min_lstm,
    "min_lstm_forward without normalisation": lambda x: min_lstm(x, normalize=False),
    "slstm_step": lambda x: slstm_step(x["x"], x["state"], x["params"]),
    "slstm_forward from an empty memory": slstm,
}


def torchs(name, statement=None):
    """Return PyTorch's outputs and gradients of a block, by name, for its inputs in `BLOCKS`."""
    forward, _, inputs = BLOCKS[name]
    tensors = tree_map(lambda a: torch.tensor(a, requires_grad=True), inputs)
    outputs = (statement or THEIRS[name])(tensors)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    upstream = [d for _, d in tree_items(upstream_of(forward(inputs)))]
    sum((y * torch.tensor(d)).sum() for y, d in zip(outputs, upstream, strict=True)).backward()
    results = {f"out/{k}": y.detach().numpy() for k, y in enumerate(outputs)}
    for label, tensor in tree_items(tensors):
        unused = tensor.grad is None  # a weight of the context, where there is none
        results[f"d/{label}"] = np.zeros(tensor.shape) if unused else tensor.grad.numpy()
    return results


def write_golden():
    """Store PyTorch's results for machines without it."""
    np.savez_compressed(
        GOLDEN, **{f"{name}|{key}": a for name in BLOCKS for key, a in torchs(name).items()}
    )
