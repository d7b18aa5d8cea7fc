"""Two stamps to an answer: how alike their vectors are, and whether there is enough on them to tell by.

Needs no torch, so that the gateway loads none.
"""

from stamp2vec.comparison.legibility import illegibility
from stamp2vec.comparison.vectors import compare, similarity_matrix

__all__ = ["compare", "illegibility", "similarity_matrix"]
