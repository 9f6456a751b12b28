"""Settings all tests share."""

from importlib.util import find_spec

import pytest
from hypothesis import settings

# A first call may load a library: no deadline. What fails once must fail again: no new draws.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

# Examples are looked for in every module, and this one cannot be imported without PyTorch.
collect_ignore = [] if find_spec("torch") else ["legacy_torch.py"]

# Long tests that need nothing of one another: these are shared out one by one.
SHARED_OUT = {
    "test_hostile.py",
    "test_judge.py",
    "test_mutants.py",
    "test_nothing_lost.py",
    "test_submissions.py",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together and in order, for `--dist loadgroup`.

    Tests of one file share what its fixtures made, and some change it after the others are done.
    """
    for item in items:
        if item.path.name not in SHARED_OUT:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
