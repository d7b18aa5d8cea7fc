"""Lets `python -m stamp2vec.cli` do what `stamp2vec` does."""

import sys

from stamp2vec.cli import main

sys.exit(main())
