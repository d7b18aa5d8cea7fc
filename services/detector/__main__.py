"""`python -m services.detector`: see `--help`."""

import sys

from services.detector.servicer import SPEC, app
from services.model_process import main

if __name__ == "__main__":
    sys.exit(main(SPEC, app))
