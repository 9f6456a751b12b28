"""Data sets that come with the package: read whole and unchanged, or not at all.

A committed file is an ``.npz`` in ``lstm_ref/data``. The module that reads it states the file's
SHA-256, so a download cut off, a file edited or checked out with other bytes is named as such and
never computed with. ``tools/make_datasets.py`` says where every file comes from and makes it again.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_path", "load_arrays"]

FOLDER = Path(__file__).resolve().parents[1] / "data"


def data_path(name: str) -> Path:
    """Return where a committed file lies.

    Parameters
    ----------
    name : str
        Without folder and ending.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the name is no plain file name.
    FileNotFoundError
        If there is no such file; the message lists those there are.

    Examples
    --------
    >>> from lstm_ref.datasets.store import data_path
    >>> data_path("japanese_vowels").name
    'japanese_vowels.npz'
    """
    if name in ("", "..") or Path(name).name != name:
        raise ValueError(f"expected the name of a data set, got {name!r}")
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in FOLDER.glob("*.npz"))) or "none"
        raise FileNotFoundError(
            f"expected the data set {name} in {path}, got no such file (there: {there}); "
            "install the package again"
        )
    return path


def load_arrays(name: str, sha256: str) -> dict[str, NDArray[Any]]:
    """Read a committed ``.npz`` after comparing its digest.

    Parameters
    ----------
    name : str
        As for `data_path`.
    sha256 : str
        Of the whole file, in hexadecimal.

    Returns
    -------
    dict of str to ndarray
        New arrays at every call.

    Raises
    ------
    ValueError
        If the file's digest is another one, or the name is no plain file name.
    FileNotFoundError
        If there is no such file.

    Notes
    -----
    Nothing in the file is pickled, so reading it runs no code.

    Examples
    --------
    >>> from lstm_ref.datasets.store import load_arrays
    >>> load_arrays("japanese_vowels", sha256="0" * 64)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: expected the data set japanese_vowels with SHA-256 000000000000…, got ...
    """
    path = data_path(name)
    content = path.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise ValueError(
            f"expected the data set {name} with SHA-256 {sha256[:12]}…, got {got[:12]}… "
            f"({len(content)} bytes in {path}): the file is damaged or not the one this version "
            "of the package was made with; install it again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}
