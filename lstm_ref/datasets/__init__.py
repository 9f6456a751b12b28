"""Real data for the use cases of chapter 7, all of it offline.

`heart` has an electrocardiogram with an early beat, `speech` spoken vowels, `text` the reference
text that Python carries. What is committed with the package is read by `store`, which refuses a
damaged file.
"""

from lstm_ref.datasets.heart import *  # noqa: F403
from lstm_ref.datasets.speech import *  # noqa: F403
from lstm_ref.datasets.store import *  # noqa: F403
from lstm_ref.datasets.text import *  # noqa: F403
