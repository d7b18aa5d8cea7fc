"""Two stamps to an answer: how alike their vectors are, how their ink differs, and whether there is enough to compare.

Needs no torch: the gateway has none.
"""

from stamp2vec.comparison.dies import die_groups, probability_matrix
from stamp2vec.comparison.evidence import Inked, judge_overlay, overlay_of
from stamp2vec.comparison.legibility import illegibility
from stamp2vec.comparison.similarity import compare, similarity_matrix
from stamp2vec.comparison.verdicts import compared, judge, second_look

__all__ = [
    "Inked",
    "compare",
    "compared",
    "die_groups",
    "illegibility",
    "judge",
    "judge_overlay",
    "overlay_of",
    "probability_matrix",
    "second_look",
    "similarity_matrix",
]
