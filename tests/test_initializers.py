"""First weights: their shapes, their spread, and where their randomness comes from."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref

D, H = 7, 23
CELLS = {
    "rnn": (ref.init_rnn_params, ref.RNNParams, {}),
    "lstm": (ref.init_lstm_params, ref.LSTMParams, {"b_f": 1.0}),
    "gru": (ref.init_gru_params, ref.GRUParams, {}),
    "gru, reset after": (ref.init_gru_reset_after_params, ref.GRUResetAfterParams, {}),
    "coupled": (ref.init_coupled_params, ref.CoupledParams, {"b_f": 1.0}),
    "peephole": (ref.init_peephole_params, ref.PeepholeParams, {"b_f": 1.0}),
    "lstm1997": (ref.init_lstm1997_params, ref.LSTM1997Params, {}),
}


@pytest.mark.parametrize("name", CELLS)
def test_shapes_biases_and_spread(name):
    init, kind, biases = CELLS[name]
    params = init(np.random.default_rng(0), D, H)
    assert type(params) is kind
    for field, value in params._asdict().items():
        if field.startswith("b"):
            assert_array_equal(value, np.full(H, biases.get(field, 0.0)), err_msg=field)
        elif field.startswith("p"):
            assert value.shape == (H,) and value.std() > 0.05
        else:
            assert value.shape == (H, H + D)
            drawn = value[:, H:] if name == "rnn" else value  # the plain network's W_h differs
            assert np.abs(drawn).max() <= 1 / np.sqrt(H)
            assert_allclose(drawn.std(), 1 / np.sqrt(3 * H), rtol=0.1)
            assert abs(drawn.mean()) < 0.02


@pytest.mark.parametrize("name", CELLS)
def test_gates_are_drawn_independently_and_from_the_generator_alone(name):
    init, _, _ = CELLS[name]
    first, again = (init(np.random.default_rng(5), D, H) for _ in range(2))
    ref.tree_map(assert_array_equal, first, again)
    other = init(np.random.default_rng(6), D, H)
    weights = [v for k, v in first._asdict().items() if k.startswith(("W", "p"))]
    weights += [v for k, v in other._asdict().items() if k.startswith(("W", "p"))]
    for i, a in enumerate(weights):
        for b in weights[:i]:
            assert a.shape != b.shape or not np.isclose(a, b).mean() > 0.01


@pytest.mark.parametrize("name", CELLS)
def test_single_precision_starts_from_the_same_point(name):
    init, _, _ = CELLS[name]
    double = init(np.random.default_rng(0), D, H)
    single = init(np.random.default_rng(0), D, H, dtype=np.float32)
    ref.tree_map(lambda s, d: assert_array_equal(s, d.astype(np.float32)), single, double)
    assert all(a.dtype == np.float32 for a in single)


def test_biases_can_be_set():
    rng = np.random.default_rng(0)
    assert (ref.init_lstm_params(rng, D, H, forget_bias=5.0).b_f == 5).all()
    assert (ref.init_peephole_params(rng, D, H, forget_bias=5.0).b_f == 5).all()
    assert (ref.init_coupled_params(rng, D, H, forget_bias=5.0).b_f == 5).all()
    assert (ref.init_gru_params(rng, D, H, update_bias=-2.0).b_z == -2).all()
    assert (ref.init_gru_reset_after_params(rng, D, H, update_bias=-2.0).b_z == -2).all()
    params = ref.init_lstm1997_params(rng, D, H, input_bias=-3.0, output_bias=-4.0)
    assert (params.b_i == -3).all() and (params.b_o == -4).all()


def test_a_plain_network_starts_with_an_orthogonal_recurrence():
    W_h = ref.init_rnn_params(np.random.default_rng(0), D, H).W[:, :H]
    assert_allclose(W_h @ W_h.T, np.eye(H), atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (1, 1), (1, 4)])
def test_orthogonal_matrices_have_equal_singular_values(shape):
    Q = ref.orthogonal(np.random.default_rng(0), shape, gain=1.5)
    assert Q.shape == shape
    assert_allclose(np.linalg.svd(Q, compute_uv=False), 1.5)


def test_orthogonal_matrices_are_uniform_over_the_circle():
    rng = np.random.default_rng(0)
    first = np.array([ref.orthogonal(rng, (2, 2))[0] for _ in range(4000)])
    quarter = np.floor(np.arctan2(first[:, 1], first[:, 0]) / (np.pi / 2)).astype(int) + 2
    assert_allclose(np.bincount(quarter, minlength=4) / 4000, 0.25, atol=0.03)
    single = np.array([ref.orthogonal(rng, (1, 1))[0, 0] for _ in range(400)])
    assert 0.4 < (single > 0).mean() < 0.6


def test_linear_and_embedding():
    params = ref.init_linear_params(np.random.default_rng(0), 50, 30)
    assert params.W.shape == (30, 50) and not params.b.any()
    assert np.abs(params.W).max() <= 1 / np.sqrt(50)
    E = ref.init_embedding(np.random.default_rng(0), 50, 30, dtype=np.float32)
    assert E.shape == (50, 30) and E.dtype == np.float32
    assert_allclose(E.std(), 1, atol=0.05)


DESCENDANTS = {
    "min gru": (ref.init_min_gru_params, ref.MinGRUParams, (H, D), "update_bias", {"b_z": 1}),
    "min lstm": (
        ref.init_min_lstm_params,
        ref.MinLSTMParams,
        (H, D),
        "forget_bias",
        {"b_f": 1, "b_i": -1},
    ),
    "slstm": (ref.init_slstm_params, ref.SLSTMParams, (H, H + D), "forget_bias", {"b_f": 1}),
}


@pytest.mark.parametrize("name", DESCENDANTS)
def test_the_descendants_start_alike(name):
    init, kind, shape, bias, signs = DESCENDANTS[name]
    params = init(np.random.default_rng(0), D, H, **{bias: -2.0}, dtype=np.float32)
    assert type(params) is kind
    bound = 1 / np.sqrt(D if shape == (H, D) else H)
    for field, value in params._asdict().items():
        assert value.dtype == np.float32
        if field.startswith("W"):
            assert value.shape == shape and 0.8 * bound < np.abs(value).max() <= bound * (1 + 1e-6)
        else:
            assert_array_equal(value, np.full(H, -2.0 * signs.get(field, 0)), err_msg=field)
    assert not np.array_equal(params[0], params[2])
    with pytest.raises(ValueError, match="expected sizes of at least 1, got"):
        init(np.random.default_rng(0), 0, 3)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3), (2.5, 3)])
@pytest.mark.parametrize("name", [*CELLS, "linear", "embedding"])
def test_sizes_below_one_are_refused(name, sizes):
    others = {"linear": ref.init_linear_params, "embedding": ref.init_embedding}
    init = others[name] if name in others else CELLS[name][0]
    with pytest.raises(ValueError, match="expected sizes of at least 1, got"):
        init(np.random.default_rng(0), *sizes)


def test_a_bound_or_shape_that_makes_no_sense_is_refused():
    rng = np.random.default_rng(0)
    for bound in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="expected a bound of at least 0"):
            ref.uniform(rng, (2,), bound)
    for shape in ((2,), (2, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match="expected a shape of two sizes"):
            ref.orthogonal(rng, shape)
