"""Pictures in, results out, with no server: one pipeline a task."""

from stamp2vec.pipelines.comparison import Embedding, compare, similarity_matrix
from stamp2vec.pipelines.detection import Detection, YoloStampPipeline
from stamp2vec.pipelines.embedding import TvaePipeline
from stamp2vec.pipelines.segmentation import StampUnetPipeline

__all__ = [
    "Detection",
    "Embedding",
    "StampUnetPipeline",
    "TvaePipeline",
    "YoloStampPipeline",
    "compare",
    "similarity_matrix",
]
