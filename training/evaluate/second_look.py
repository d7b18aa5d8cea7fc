"""Registers pairs of stamps for the second look: a sample of each kind, since a pair takes a tenth of a second."""

from collections.abc import Iterator

import numpy as np

from stamp2vec.comparison.evidence import measure
from stamp2vec.comparison.ink import ink_amount
from stamp2vec.comparison.registration import register
from stamp2vec.imaging import letterbox
from stamp2vec.pipelines import SegmentationPipeline
from stamp2vec.values import Measures
from training.evaluate.stamps import Stamps
from training.evaluate.verification import Pairs


def sample_of_each(pairs: Pairs, most: int, seed: int = 0) -> Pairs:
    """At most `most` genuine, sibling and random pairs each, drawn without replacement."""
    rng = np.random.default_rng(seed)
    kept = [rng.permutation(np.flatnonzero(kind))[:most] for kind in (pairs.genuine, pairs.sibling, pairs.random)]
    return pairs.where(np.sort(np.concatenate(kept)))


def measure_pairs(segmenter: SegmentationPipeline, stamps: Stamps, pairs: Pairs) -> list[Measures]:
    """The measures of each pair, its second stamp registered to its first."""
    needed = np.unique([pairs.a, pairs.b])

    def fitted() -> Iterator[np.ndarray]:
        for place in needed:
            yield letterbox(stamps.pictures[place](), segmenter.input_size)[0]

    inks = [ink_amount(crop, mask) for crop, mask in zip(fitted(), segmenter.run(fitted()), strict=True)]
    ink = dict(zip(needed.tolist(), inks, strict=True))
    found = (register(ink[a], ink[b]) for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    return [measure(each.a, each.b, each.correlation) for each in found]
