"""`python -m services.reader`: see `--help`."""

import sys

from services.model_process import main
from services.reader.servicer import SPEC, app

if __name__ == "__main__":
    sys.exit(main(SPEC, app))
