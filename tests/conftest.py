"""Settings all tests share."""

from importlib.util import find_spec

from hypothesis import settings

# A first call may load a library: no deadline. What fails once must fail again: no new draws.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")

# Examples are looked for in every module, and this one cannot be imported without PyTorch.
collect_ignore = [] if find_spec("torch") else ["legacy_torch.py"]
