"""Where weights come from, and what is known of them."""

from stamp2vec.hub.manifest import Manifest
from stamp2vec.hub.weights import (
    GRAPH,
    MANIFEST,
    WEIGHTS,
    bundled,
    bundled_names,
    find,
    for_preset,
    graph,
    load,
    read_manifest,
    save,
    save_graph,
)

__all__ = [
    "GRAPH",
    "MANIFEST",
    "WEIGHTS",
    "Manifest",
    "bundled",
    "bundled_names",
    "find",
    "for_preset",
    "graph",
    "load",
    "read_manifest",
    "save",
    "save_graph",
]
