"""`python -m services.segmenter`: see `--help`."""

import sys

from services.model_process import main
from services.segmenter.servicer import SPEC, app

if __name__ == "__main__":
    sys.exit(main(SPEC, app))
