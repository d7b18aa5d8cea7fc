"""Pictures in, results out, with no server: one pipeline a task. They need the extra `local`."""

from stamp2vec.comparison import compare, similarity_matrix
from stamp2vec.pipelines.comparison import ComparisonPipeline, VerificationPipeline
from stamp2vec.pipelines.detection import DetectionPipeline, RefinementPipeline
from stamp2vec.pipelines.document import DocumentPipeline
from stamp2vec.pipelines.embedding import EmbeddingPipeline
from stamp2vec.pipelines.original import (
    DeepLabv3Pipeline,
    VaePipeline,
    Vits8Pipeline,
    YoloStampPipeline,
    Yolov8Pipeline,
)
from stamp2vec.pipelines.reading import ReadingPipeline
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import Detection, Embedding

__all__ = [
    "ComparisonPipeline",
    "DeepLabv3Pipeline",
    "Detection",
    "DetectionPipeline",
    "DocumentPipeline",
    "Embedding",
    "EmbeddingPipeline",
    "ReadingPipeline",
    "RefinementPipeline",
    "SegmentationPipeline",
    "VaePipeline",
    "VerificationPipeline",
    "Vits8Pipeline",
    "YoloStampPipeline",
    "Yolov8Pipeline",
    "compare",
    "similarity_matrix",
]
