"""No gradient goes unchecked: each one is in a table of both checks, or its test is named here.

A function returns gradients if its name ends in ``_backward`` or its docstring says so. Whoever
adds a cell adds it to `tests.cells.KINDS` and `tests.parity.CASES`; a block of the legacy chapter
goes to `tests.test_legacy.BLOCKS` and `tests.legacy_torch`. These tests fail until that is done.
"""

import inspect

import pytest

import lstm_ref
from tests import (
    parity,
    test_architectures,
    test_chapter_01_02,
    test_chapter_04_05,
    test_chapter_07_finance,
    test_chapter_08,
    test_fast,
    test_linear,
    test_losses,
    test_sequence_model,
    test_torch_parity,
)
from tests.cells import KINDS
from tests.functions import gradient_functions, public_functions
from tests.test_legacy import BLOCKS

GRADIENTS = gradient_functions()

#: Functions that stand in no table, and the test that compares their gradients with differences.
DIFFERENCES = {
    "bidirectional_backward": (
        test_architectures.test_bidirectional_gradients_equal_central_differences
    ),
    "stacked_backward": test_architectures.test_stacked_gradients_equal_central_differences,
    "lstm_truncated_backward": (
        test_architectures.test_truncated_gradients_equal_central_differences_with_carried_states_held
    ),
    "linear_backward": test_linear.test_linear_gradients_agree_with_central_differences,
    "embedding_backward": test_linear.test_embedding_gradients_agree_with_central_differences,
    "recall_gradient": test_chapter_01_02.test_the_gradient_of_the_recall_task_is_that_of_its_loss,
    "reader_loss": test_chapter_08.test_gradients_of_readers,
    "selector_loss": test_chapter_08.test_gradients_of_selectors,
    "qlike_loss": (
        test_chapter_07_finance.test_the_loss_of_the_network_is_qlike_and_its_gradient_too
    ),
}
#: The same against PyTorch.
TORCH = {
    "linear_backward": test_linear.test_pytorch_agrees,
    "embedding_backward": test_linear.test_pytorch_agrees,
    "softmax_cross_entropy": test_losses.test_pytorch_agrees_on_losses_and_gradients,
    "mse": test_losses.test_pytorch_agrees_on_losses_and_gradients,
    "gaussian_nll": test_losses.test_pytorch_agrees_on_losses_and_gradients,
    "lstm_truncated_backward": (
        test_torch_parity.test_truncated_gradients_equal_pytorchs_with_a_detached_state
    ),
}
#: Functions held to others of these, and the test that does it.
HELD_TO_OTHERS = {
    "last_loss": test_chapter_04_05.test_runs_side_by_side_are_the_cells_of_lstm_ref,
    "store_loss": test_chapter_08.test_the_way_back_through_stores_is_made_of_the_references,
    "gaussian_loss": test_sequence_model.test_gaussian_outputs_are_means_and_log_variances,
    **{
        f"fast.{name}_backward": test_fast.test_numbers_are_those_of_the_readable_tier
        for name in test_fast.CELLS
    },
}
#: Losses of small models: linear maps and other functions of these, one after the other.
MADE_OF_OTHERS = {"qlike_loss", "reader_loss", "recall_gradient", "selector_loss"}
#: `unroll_backward` is the loop in which the cells of `KINDS` run back.
BY_THE_WAY = {"unroll_backward"}


def of_blocks() -> set[str]:
    """Name the backward functions that the table of the legacy chapter calls."""
    return {name for _, backward, _ in BLOCKS.values() for name in backward.__code__.co_names}


def with_differences() -> set[str]:
    cells = {f"{name}{step}_backward" for name in KINDS for step in ("", "_step")}
    losses = {n for f, _ in test_losses.LOSSES.values() for n in f.__code__.co_names}
    return cells | losses | of_blocks() | DIFFERENCES.keys()


def with_torch() -> set[str]:
    found = set()
    for case in parity.CASES.values():
        name = parity.COURSE[case.kind] + "_step" * case.cell
        if case.directions == 2:
            name = "bidirectional"
        elif case.layers > 1:
            name = "stacked"
        found.add(f"{name}_backward")
    return found | of_blocks() | TORCH.keys()


def unchecked(functions: set[str], checked: set[str]) -> set[str]:
    return functions - checked - HELD_TO_OTHERS.keys() - BY_THE_WAY


def test_every_gradient_is_compared_with_central_differences():
    assert unchecked(GRADIENTS, with_differences()) == set()


def test_every_gradient_is_compared_with_pytorch():
    assert unchecked(GRADIENTS, with_torch() | MADE_OF_OTHERS) == set()


def test_a_new_cell_without_checks_is_noticed():
    new = {"cell_of_tomorrow_backward"}
    assert unchecked(GRADIENTS | new, with_differences()) == new
    assert unchecked(GRADIENTS | new, with_torch()) >= new


def test_gradients_are_found_by_their_names_and_by_what_docstrings_say():
    assert {"lstm_step_backward", "fast.gru_backward", "mse", "last_loss"} <= GRADIENTS
    assert not {"lstm_forward", "gate_trace", "carousel_gradient", "adam"} & GRADIENTS


@pytest.mark.parametrize("name", sorted({*DIFFERENCES, *TORCH, *HELD_TO_OTHERS}))
def test_the_tests_named_here_are_about_the_functions_they_stand_for(name):
    for table in (DIFFERENCES, TORCH, HELD_TO_OTHERS):
        if name in table and not name.startswith("fast."):
            assert name in inspect.getsource(table[name])
    assert name in GRADIENTS


def test_whatever_keeps_something_for_the_way_back_has_one():
    functions = public_functions()
    for name in functions:
        if name.endswith("_cached"):
            base = name.removesuffix("_cached").removesuffix("_forward")
            assert f"{base}_backward" in functions, name


def test_all_kinds_and_blocks_are_exported():
    assert all(hasattr(lstm_ref, name) for name in of_blocks() if name.endswith("_backward"))
    assert all(hasattr(lstm_ref, f"{name}_step_backward") for name in KINDS)
