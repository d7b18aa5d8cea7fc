"""Two stamps to an answer: how alike their vectors are, how their ink differs, and whether there is enough to tell by.

Needs no torch, so that the gateway loads none.
"""

from stamp2vec.comparison.legibility import illegibility
from stamp2vec.comparison.look import Inked, judge_look, look
from stamp2vec.comparison.vectors import compare, similarity_matrix

__all__ = ["Inked", "compare", "illegibility", "judge_look", "look", "similarity_matrix"]
