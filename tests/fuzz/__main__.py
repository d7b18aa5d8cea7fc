"""`python -m tests.fuzz TARGET [FOLDER | FLAG]...`: fuzzes one target by Atheris; folders and flags are libFuzzer's."""

import sys

import atheris

with atheris.instrument_imports(include=["stamp2vec"]):
    from tests.fuzz.targets import TARGETS

atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
atheris.Fuzz()
