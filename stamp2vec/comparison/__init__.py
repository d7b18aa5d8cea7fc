"""Two stamps to an answer: how alike their vectors are, what their ink says, and whether there is enough to compare.

Needs no torch: the gateway has none.
"""

from stamp2vec.comparison.dies import DieSearch
from stamp2vec.comparison.evidence import Inked, LaidPair, lay
from stamp2vec.comparison.legibility import blank, illegibility
from stamp2vec.comparison.similarity import compare, similarity_matrix
from stamp2vec.comparison.verdicts import (
    Judgement,
    cannot_tell,
    compared,
    judge_ink,
    judge_vectors,
    prior_fault,
)

__all__ = [
    "DieSearch",
    "Inked",
    "Judgement",
    "LaidPair",
    "blank",
    "cannot_tell",
    "compare",
    "compared",
    "illegibility",
    "judge_ink",
    "judge_vectors",
    "lay",
    "prior_fault",
    "similarity_matrix",
]
