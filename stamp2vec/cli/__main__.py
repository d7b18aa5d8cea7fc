"""`python -m stamp2vec.cli` is the program `stamp2vec`."""

import sys

from stamp2vec.cli import main

sys.exit(main())
