"""Files to pages in child processes, which can be killed and may crash: nothing known of one bounds what it costs."""

from stamp2vec.decoding.answers import OpenFile
from stamp2vec.decoding.decoder import Decoder, DecoderLimits, Room
from stamp2vec.decoding.memory import SharedFile
from stamp2vec.decoding.pool import DecoderPool
from stamp2vec.decoding.rewriting import Rewritten

__all__ = ["Decoder", "DecoderLimits", "DecoderPool", "OpenFile", "Rewritten", "Room", "SharedFile"]
