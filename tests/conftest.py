"""Settings all tests share."""

from hypothesis import settings

# A first call may load a library: no deadline. What fails once must fail again: no new draws.
settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")
