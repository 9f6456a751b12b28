"""Where the gates went: building blocks after the LSTM that kept its idea.

One module a family: `gating` (highway, GLU), `attention`, `memory` (Neural Turing Machine), `tft`
(Temporal Fusion Transformer), `minimal` (minLSTM, minGRU and the scan that runs them in parallel),
`slstm` (xLSTM) and `ssm` (state-space models); `layers` makes the recurrent ones ready for
training. A backward pass takes the loss gradient of the outputs and then the arguments of the
forward pass again; it recomputes what it needs, so there is no cache to pass around.
"""

from lstm_ref.legacy.attention import *  # noqa: F403
from lstm_ref.legacy.gating import *  # noqa: F403
from lstm_ref.legacy.layers import *  # noqa: F403
from lstm_ref.legacy.memory import *  # noqa: F403
from lstm_ref.legacy.minimal import *  # noqa: F403
from lstm_ref.legacy.slstm import *  # noqa: F403
from lstm_ref.legacy.ssm import *  # noqa: F403
from lstm_ref.legacy.tft import *  # noqa: F403
