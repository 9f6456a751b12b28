"""Nested containers of arrays ("trees"): parameters, gradients and optimiser state alike.

A tree is an array, or a dict, list, tuple or `NamedTuple` of trees; ``None`` stands for nothing.
Gradients have the tree of their parameters, so one map over two trees serves every container.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

__all__ = ["tree_items", "tree_map"]

T = TypeVar("T")


def tree_map(function: Callable[..., Any], tree: T, *others: Any) -> T:
    """Apply a function to every array of a tree, or to the matching arrays of several.

    Parameters
    ----------
    function : callable
        Takes one array a tree and returns what takes its place.
    tree : tree of ndarray
        Decides the structure of the result.
    *others : tree of ndarray
        Of the same structure.

    Returns
    -------
    tree
        The same containers with the function's results in them.

    Raises
    ------
    ValueError
        If the trees differ in structure or their arrays in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import tree_map
    >>> tree_map(lambda a, b: a + b, {"W": np.ones(2)}, {"W": np.ones(2)})
    {'W': array([2., 2.])}
    """
    return _map(function, "", tree, *others)  # type: ignore[no-any-return]


def _map(function: Callable[..., Any], path: str, tree: Any, *others: Any) -> Any:
    if tree is None or isinstance(tree, dict | list | tuple):
        for other in others:
            _check_same(path, tree, other)
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {
            key: _map(function, _join(path, key), tree[key], *(other[key] for other in others))
            for key in tree
        }
    if isinstance(tree, list | tuple):
        parts = [
            _map(function, _join(path, name), part, *(other[k] for other in others))
            for k, (name, part) in enumerate(zip(_names(tree), tree, strict=True))
        ]
        if hasattr(tree, "_fields"):
            return type(tree)(*parts)  # a NamedTuple takes its fields one by one
        return type(tree)(parts)
    for other in others:
        if np.shape(tree) != np.shape(other) or isinstance(other, dict | list | tuple):
            raise ValueError(f"expected {_describe(tree)}{_at(path)}, got {_describe(other)}")
    return function(tree, *others)


def tree_items(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Go through the arrays of a tree, each with its name.

    Parameters
    ----------
    tree : tree of ndarray
    path : str
        Put before every name.

    Yields
    ------
    name : str
        Field names, keys and positions, joined by ``/``; the empty string for a bare array.
    array : ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import tree_items
    >>> [name for name, _ in tree_items({"cell": (np.ones(2), np.ones(3)), "b": np.ones(1)})]
    ['cell/0', 'cell/1', 'b']
    """
    if tree is None:
        return
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from tree_items(part, _join(path, key))
    elif isinstance(tree, list | tuple):
        for name, part in zip(_names(tree), tree, strict=True):
            yield from tree_items(part, _join(path, name))
    else:
        yield path, tree


def _names(sequence: Any) -> tuple[Any, ...]:
    return getattr(sequence, "_fields", tuple(range(len(sequence))))


def _join(path: str, name: Any) -> str:
    return f"{path}/{name}" if path else str(name)


def _check_same(path: str, tree: Any, other: Any) -> None:
    """Raise unless two containers have the same kind, keys and length."""
    if tree is None:
        same = other is None
    elif isinstance(tree, dict):
        same = isinstance(other, dict) and tree.keys() == other.keys()
    else:
        same = isinstance(other, list | tuple) and _names(tree) == _names(other)
    if not same:
        raise ValueError(f"expected {_describe(tree)}{_at(path)}, got {_describe(other)}")


def _at(path: str) -> str:
    return f" at {path}" if path else ""


def _describe(tree: Any) -> str:
    if tree is None:
        return "None"
    if isinstance(tree, np.ndarray):
        return f"an array of shape {tree.shape}"
    if isinstance(tree, dict):
        return f"a dict with keys {sorted(map(str, tree))}"
    if hasattr(tree, "_fields"):
        return f"{type(tree).__name__}{tree._fields}"
    if isinstance(tree, list | tuple):
        return f"a {type(tree).__name__} of {len(tree)}"
    return type(tree).__name__
