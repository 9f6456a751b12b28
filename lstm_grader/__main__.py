"""``python -m lstm_grader`` is ``lstm-grader``."""

import sys

from lstm_grader.cli import main

if __name__ == "__main__":
    sys.exit(main())
