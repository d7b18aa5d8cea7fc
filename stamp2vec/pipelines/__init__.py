"""Pictures in, results out, with no server: one pipeline a task."""

from stamp2vec.comparison import compare, similarity_matrix
from stamp2vec.pipelines.detection import YoloStampPipeline
from stamp2vec.pipelines.document import DocumentPipeline
from stamp2vec.pipelines.embedding import TvaePipeline
from stamp2vec.pipelines.segmentation import StampUnetPipeline
from stamp2vec.results import Detection, Embedding

__all__ = [
    "Detection",
    "DocumentPipeline",
    "Embedding",
    "StampUnetPipeline",
    "TvaePipeline",
    "YoloStampPipeline",
    "compare",
    "similarity_matrix",
]
