"""Opens what is scored: models of the library, and folders that `training.baselines` has written."""

from torch import nn

from stamp2vec import hub
from stamp2vec.manifest import Manifest
from stamp2vec.pipelines import TvaePipeline, YoloStampPipeline
from training.baselines import tvae, yolo_stamp


class BaselineDetector(YoloStampPipeline):
    """A published detector, which the library does not serve."""

    def network(self) -> nn.Module:
        """With fresh weights."""
        return yolo_stamp.PublishedYoloStamp()


class BaselineEmbedder(TvaePipeline):
    """A published embedder, which the library does not serve."""

    def network(self) -> nn.Module:
        """With fresh weights."""
        return tvae.PublishedTvae()


def described(reference: str) -> Manifest:
    """What is known of a model; errors as for `hub.find` and `hub.read_manifest`."""
    return hub.read_manifest(hub.find(reference))


def detector(reference: str) -> YoloStampPipeline:
    """A detector by its name, folder or address; errors as for `YoloStampPipeline.from_pretrained`."""
    published = described(reference).architecture == yolo_stamp.NAME
    return (BaselineDetector if published else YoloStampPipeline).from_pretrained(reference)


def embedder(reference: str) -> TvaePipeline:
    """An embedder by its name, folder or address; errors as for `TvaePipeline.from_pretrained`."""
    published = described(reference).architecture == tvae.NAME
    return (BaselineEmbedder if published else TvaePipeline).from_pretrained(reference)
