"""The reference implementation behind "LSTMs from the ground up", in NumPy alone.

Every public name is exported here. `cells` and `layers` are for reading; `checks`, which the
exercise notebooks call, is imported on its own.
"""

# The modules of `legacy` are named one by one: from the package, a star would also bring the
# modules themselves, and `lstm_ref.layers` would be the wrong one.

from lstm_ref.adder import *  # noqa: F403
from lstm_ref.architectures import *  # noqa: F403
from lstm_ref.batches import *  # noqa: F403
from lstm_ref.cells import *  # noqa: F403
from lstm_ref.checkpoint import *  # noqa: F403
from lstm_ref.evaluation import *  # noqa: F403
from lstm_ref.gate_plots import *  # noqa: F403
from lstm_ref.gradcheck import *  # noqa: F403
from lstm_ref.gru import *  # noqa: F403
from lstm_ref.initializers import *  # noqa: F403
from lstm_ref.layers import *  # noqa: F403
from lstm_ref.legacy.attention import *  # noqa: F403
from lstm_ref.legacy.gating import *  # noqa: F403
from lstm_ref.legacy.layers import *  # noqa: F403
from lstm_ref.legacy.memory import *  # noqa: F403
from lstm_ref.legacy.minimal import *  # noqa: F403
from lstm_ref.legacy.slstm import *  # noqa: F403
from lstm_ref.legacy.ssm import *  # noqa: F403
from lstm_ref.legacy.tft import *  # noqa: F403
from lstm_ref.linear import *  # noqa: F403
from lstm_ref.losses import *  # noqa: F403
from lstm_ref.optim import *  # noqa: F403
from lstm_ref.params import *  # noqa: F403
from lstm_ref.rnn import *  # noqa: F403
from lstm_ref.sequence_model import *  # noqa: F403
from lstm_ref.series import *  # noqa: F403
from lstm_ref.store import *  # noqa: F403
from lstm_ref.tasks import *  # noqa: F403
from lstm_ref.traces import *  # noqa: F403
from lstm_ref.training import *  # noqa: F403
from lstm_ref.tree import *  # noqa: F403
from lstm_ref.variants import *  # noqa: F403

__version__ = "0.1.0"
