"""A part of the files for each of several machines."""

import hashlib
from dataclasses import dataclass

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Kubernetes sets it in the pods of an Indexed Job."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `index`, from 0, of `count` parts."""

    index: int
    count: int

    def has(self, name: str) -> bool:
        """Whether a file is of this part: by its name alone, so that no machine needs to know of the others."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self.count == self.index

    def of(self, output: str) -> str:
        """The output of this part: results.parquet -> results-00003-of-00016.parquet."""
        stem, dot, ending = output.rpartition(".")
        return f"{stem}-{self.index:05}-of-{self.count:05}{dot}{ending}"
