"""Files that a training run can continue from, written whole or not at all.

A checkpoint is an ``.npz``: the arrays of a tree under their names, a line of JSON for the rest,
and a digest over both. Nothing in it is pickled, so opening a stranger's file runs no code.
"""

import contextlib
import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstm_ref.tree import tree_items, tree_map

__all__ = ["load_checkpoint", "save_checkpoint"]

T = TypeVar("T")
_FORMAT = 1
_PREFIX = "tree/"


def save_checkpoint(path: str | os.PathLike[str], tree: Any, notes: Any = None) -> None:
    """Write a tree of arrays to a file, so that the file is always whole.

    Parameters
    ----------
    path : path-like
        Ending in ``.npz``. Its folder must exist; a file that is there is replaced.
    tree : tree of ndarray
        Parameters, optimiser state, or both in a dict.
    notes : JSON value, optional
        Whatever else is to be found again: numbers, strings, lists, dicts.

    Raises
    ------
    ValueError
        If the name does not end in ``.npz``, a leaf is not a numeric array, two have the same
        name, or `notes` is not JSON.
    OSError
        If the file cannot be written; an older one is then still there.

    Notes
    -----
    The bytes go to a temporary file in the same folder and onto the disk first; then one rename
    puts the file in place. Whoever reads sees the old file or the new one, never a part.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lstm_ref import load_checkpoint, save_checkpoint
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "run.npz"
    >>> save_checkpoint(path, {"W": np.ones((2, 3))}, notes={"step": 7})
    >>> tree, notes = load_checkpoint(path, like={"W": np.zeros((2, 3))})
    >>> tree["W"].sum(), notes
    (np.float64(6.0), {'step': 7})
    >>> folder.cleanup()
    """
    path = _check_path(path)
    arrays = {}
    for name, leaf in tree_items(tree):
        array = np.asarray(leaf)
        if array.dtype != bool and not np.issubdtype(array.dtype, np.number):
            raise ValueError(f"expected {name or 'tree'} as a numeric array, got {array.dtype}")
        if _PREFIX + name in arrays:
            raise ValueError(f"expected every array under its own name, got two at {name}")
        arrays[_PREFIX + name] = array
    try:
        text = json.dumps({"format": _FORMAT, "notes": notes}).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected notes that JSON can hold, got {error}") from None
    arrays["meta"] = np.frombuffer(text, dtype=np.uint8)
    arrays["digest"] = _digest(arrays)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    _write_whole(path, buffer.getvalue())


def _write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, through a temporary file beside it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def load_checkpoint(path: str | os.PathLike[str], like: T) -> tuple[T, Any]:
    """Read a checkpoint, or refuse it as a whole.

    Parameters
    ----------
    path : path-like
    like : tree of ndarray
        What is expected: containers, shapes and dtypes. Its numbers do not matter.

    Returns
    -------
    tree : like `like`
    notes : JSON value

    Raises
    ------
    ValueError
        If the file is cut off or damaged, was not written by `save_checkpoint`, or holds other
        names, shapes or dtypes. Nothing is loaded then.
    OSError
        If there is no such file or it may not be read.

    Examples
    --------
    >>> from lstm_ref import load_checkpoint
    >>> load_checkpoint("never-written.npz", like={})
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'never-written.npz'
    """
    path = _check_path(path)
    arrays, meta = _parse(path, path.read_bytes())
    expected = {_PREFIX + name: np.asarray(leaf) for name, leaf in tree_items(like)}
    _check_names(path, expected.keys(), arrays.keys())
    for name, want in expected.items():
        label, got = name[len(_PREFIX) :] or "tree", arrays[name]
        if got.shape != want.shape:
            raise ValueError(f"expected {label} of shape {want.shape} in {path}, got {got.shape}")
        if got.dtype != want.dtype:
            raise ValueError(f"expected {label} of dtype {want.dtype} in {path}, got {got.dtype}")
    in_order = iter([arrays[name] for name in expected])
    return tree_map(lambda leaf: next(in_order), like), meta["notes"]


def _parse(path: Path, content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read all arrays and compare their digest: every byte that counts is seen before any use."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        digest = arrays.pop("digest")
        whole = np.array_equal(digest, _digest(arrays))
        meta = json.loads(arrays.pop("meta").tobytes()) if whole else {}
    except Exception as error:  # a damaged zip fails in a dozen ways, none of them ours
        raise ValueError(
            f"expected a whole checkpoint in {path}, got a file that is cut off, damaged or of "
            f"another kind ({type(error).__name__})"
        ) from error
    if not whole:
        raise ValueError(f"expected a whole checkpoint in {path}, got one whose digest differs")
    if meta.get("format") != _FORMAT:
        raise ValueError(f"expected checkpoint format {_FORMAT}, got {meta.get('format')}")
    return arrays, meta


def _digest(arrays: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """SHA-256 over names, dtypes, shapes and bytes."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(repr((name, array.dtype.str, array.shape)).encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(sha.digest(), dtype=np.uint8)


def _check_names(path: Path, expected: Any, got: Any) -> None:
    missing, more = sorted(expected - got), sorted(got - expected)
    if missing or more:
        parts = [
            f"{len(names)} {kind} ({', '.join(name[len(_PREFIX) :] for name in names[:3])}"
            f"{', …' if len(names) > 3 else ''})"
            for kind, names in (("missing", missing), ("more", more))
            if names
        ]
        raise ValueError(f"expected {len(expected)} arrays in {path}, got {' and '.join(parts)}")


def _check_path(path: str | os.PathLike[str]) -> Path:
    checked = Path(path)
    if checked.suffix != ".npz":
        raise ValueError(f"expected a path that ends in .npz, got {checked}")
    return checked
