"""Many documents to one table: `--out` of the commands find and analyze."""

from stamp2vec.cli.bulk.run import run
from stamp2vec.cli.bulk.shards import INDEX_VARIABLE, Shard

__all__ = ["INDEX_VARIABLE", "Shard", "run"]
