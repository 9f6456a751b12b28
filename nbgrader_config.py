"""nbgrader's configuration: formgrader and the plain `nbgrader` commands read it from here.

LSTM_CLASS names the class folder; `LSTM_CLASS=class/demo jupyter lab` shows the demonstration.
Options of your own (a late penalty, say) go below the last line; `lstm-grader` obeys them too.
"""

import os

from lstm_grader.settings import configure

c = get_config()  # noqa: F821 (nbgrader puts it here)
configure(c, os.environ.get("LSTM_CLASS", "class"))
