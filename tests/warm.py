"""A process that has loaded what notebooks load, and forks for each notebook it is sent.

``python -m tests.warm`` reads a JSON list of cells from each line it gets, and answers each with a
line: the outputs of every cell, as nbformat has them.
"""

import contextlib
import io
import json
import os
import sys
from typing import Any, TextIO

import matplotlib.pyplot  # noqa: F401

import tests.catalogue  # noqa: F401


def serve(requests: TextIO, answers: TextIO) -> None:
    """Run each notebook in a child, one after the other."""
    for line in requests:
        child = os.fork()
        if child == 0:
            outputs = run(json.loads(line))
            answers.write(json.dumps(outputs) + "\n")
            answers.flush()
            os._exit(0)
        os.waitpid(child, 0)


def run(sources: list[str]) -> list[list[dict[str, Any]]]:
    """Run cells in one namespace, as a kernel does, and collect what each wrote or raised."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_outputs(source, f"<cell {n}>", names) for n, source in enumerate(sources)]


def _outputs(source: str, file: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    text, failed = io.StringIO(), []
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            exec(compile(source, file, "exec"), names)
        except BaseException as error:
            said = {"ename": type(error).__name__, "evalue": str(error), "traceback": [str(error)]}
            failed = [{"output_type": "error", **said}]
    written = [{"output_type": "stream", "name": "stdout", "text": text.getvalue()}]
    return [output for output in written if output["text"]] + failed


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
