"""The same numbers as the readable tier, fused: what training runs on.

Names and arguments are those of `lstm_ref.layers`, `lstm_ref.gru` and `lstm_ref.rnn`, so one can
be swapped for the other. Only what a ``*_forward_cached`` keeps differs: a tape, which already
holds the weights and lengths that the readable backward passes ask for again.

Examples
--------
>>> import numpy as np
>>> from lstm_ref import LSTMParams, fast, lstm_forward
>>> p = LSTMParams(*[np.ones((2, 5)), np.ones(2)] * 4)
>>> xs, zero = np.ones((7, 3, 3)), np.zeros((3, 2))
>>> hs, (h, c) = fast.lstm_forward(xs, zero, zero, p)
>>> bool(np.allclose(hs, lstm_forward(xs, zero, zero, p)[0], rtol=0, atol=1e-12))
True
"""

from lstm_ref.fast.gru import *  # noqa: F403
from lstm_ref.fast.lstm import *  # noqa: F403
from lstm_ref.fast.rnn import *  # noqa: F403
