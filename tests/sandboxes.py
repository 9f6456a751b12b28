"""Sandboxes for the tests; where none can be made, what needs one is skipped, and says why."""

import functools
from typing import Any

import pytest


@functools.cache
def reason() -> str:
    """Say why no sandbox can be made on this machine; nothing if one can."""
    from lstm_grader.sandbox import NoSandbox, Sandbox

    try:
        Sandbox().close()
    except NoSandbox as error:
        return str(error).splitlines()[0]
    return ""


def need_sandbox() -> None:
    """Skip the test where there is no sandbox."""
    if reason():
        pytest.skip(reason())


def sandbox_engine(*arguments: Any) -> Any:
    """Make the engine that runs submissions in a sandbox."""
    from lstm_grader.judge import SandboxEngine

    need_sandbox()
    return SandboxEngine(*arguments)


def trust() -> list[str]:
    """Return what the command line needs to grade the tests' own work on this machine."""
    return ["--trust-submissions"] if reason() else []
