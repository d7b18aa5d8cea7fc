"""Where weights come from, and what is known of them."""

from stamp2vec.hub.manifest import Manifest
from stamp2vec.hub.weights import (
    MANIFEST,
    WEIGHTS,
    bundled,
    bundled_names,
    find,
    for_preset,
    load,
    read_manifest,
    save,
)

__all__ = [
    "MANIFEST",
    "WEIGHTS",
    "Manifest",
    "bundled",
    "bundled_names",
    "find",
    "for_preset",
    "load",
    "read_manifest",
    "save",
]
