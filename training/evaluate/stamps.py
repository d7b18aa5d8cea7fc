"""The truth about single stamps: crops of `training.synth.crop_shards`, or a kit of real ones; and their vectors."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import EmbeddingPipeline
from training.synth import crop_shards

Pixels = np.ndarray


@dataclass(frozen=True, slots=True)
class Stamps:
    """N cropped stamps.

    `pictures` are read when called: uint8 (H, W, 3). `identity` int (N,) is the die, `family` int (N,) what
    look-alikes share: a layout, or the die that a forgery imitates. `group` int (N,) is the set within which stamps are
    compared. `slices` maps the name of a slice to the value of each stamp, str (N,); `visible` float (N,) is the share
    of the die that left ink, NaN where unknown. `fitted` bool (N,) marks the half of the rendered families that
    `training.embedder.calibrate` fits probabilities on: calibration is not measured there.
    """

    pictures: Sequence[Callable[[], Pixels]]
    identity: np.ndarray
    family: np.ndarray
    group: np.ndarray
    slices: dict[str, np.ndarray]
    visible: np.ndarray
    fitted: np.ndarray

    def __len__(self) -> int:
        return len(self.identity)


def read_crops(folders: Sequence[Path]) -> Stamps:
    """The crops of folders of `training.synth.crop_shards`. ValueError when one of them has none."""
    pictures: list[Callable[[], Pixels]] = []
    die, kind, capture, visible = [], [], [], []
    for folder in folders:
        if not any(folder.glob("*.kind.npy")):
            raise ValueError(
                f"{folder} has no crops: name a folder that `python -m training.synth.crop_shards` has made"
            )
        crops = crop_shards.read(folder)
        pictures += [_from_shard(pixels) for pixels in crops.pixels]
        count = len(crops.pixels)
        die.append(crops.die)
        kind.append(crops.kind)
        capture.append(np.full(count, "unknown") if crops.capture is None else crops.capture)
        visible.append(np.full(count, np.nan) if crops.visible is None else crops.visible)
    dies = np.concatenate(die)
    slices = {"capture": np.concatenate(capture), "kind": np.concatenate(kind)}
    identity = np.unique(dies, axis=0, return_inverse=True)[1].reshape(-1)
    family = dies[:, 0]
    return Stamps(
        pictures, identity, family, np.zeros(len(dies), int), slices, np.concatenate(visible), family % 2 == 1
    )


def read_kit(folder: Path) -> Stamps:
    """The stamps of a kit: stamps.json lists `file`, `set` and `identity` of each, and of a forgery `forgery_of`.

    ValueError when the list is missing or malformed.
    """
    path = folder / "stamps.json"
    if not path.is_file():
        raise ValueError(f"{path} is missing: name the folder of a kit, which has a list of its stamps there")
    rows = json.loads(path.read_text(encoding="utf-8"))
    try:
        files = [folder / row["file"] for row in rows]
        identity = np.array([str(row["identity"]) for row in rows])
        family = np.array([str(row.get("forgery_of") or row["identity"]) for row in rows])
        sets = np.array([str(row["set"]) for row in rows])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no list of stamps: {error!r}; see the kit's own README for its format") from error
    if not files:
        raise ValueError(f"{path} lists no stamp: name the folder of a kit that does")
    names = np.unique(np.concatenate([identity, family]))
    return Stamps(
        [_from_file(file) for file in files],
        np.searchsorted(names, identity),
        np.searchsorted(names, family),
        np.unique(sets, return_inverse=True)[1].reshape(-1),
        {"set": sets},
        np.full(len(files), np.nan),
        np.zeros(len(files), bool),
    )


def joined(stamps: Stamps, others: Stamps) -> Stamps:
    """Both, with no die in common; `others` have the empty value in slices that they lack."""
    none = np.full(len(others), "")
    return Stamps(
        [*stamps.pictures, *others.pictures],
        np.concatenate([stamps.identity, others.identity + stamps.identity.max() + 1]),
        np.concatenate([stamps.family, others.family + stamps.family.max() + 1]),
        np.concatenate([stamps.group, others.group]),
        {name: np.concatenate([values, others.slices.get(name, none)]) for name, values in stamps.slices.items()},
        np.concatenate([stamps.visible, others.visible]),
        np.concatenate([stamps.fitted, others.fitted]),
    )


def embedded(pipeline: EmbeddingPipeline, stamps: Stamps) -> np.ndarray:
    """float32 (N, D), a vector of length 1 for each stamp."""

    def pictures() -> Iterator[Pixels]:
        for read in stamps.pictures:
            yield read()

    return np.stack(list(pipeline.run(pictures())))


def _from_shard(pixels: Any) -> Callable[[], Pixels]:
    return lambda: np.ascontiguousarray(pixels[..., :3])


def _from_file(path: Path) -> Callable[[], Pixels]:
    return lambda: decode_image(path.read_bytes())
