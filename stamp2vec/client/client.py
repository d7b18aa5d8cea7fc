"""The calls of the gateway as methods."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Self, TypeVar, Unpack

import grpc
import numpy as np

from stamp2vec.client import calls
from stamp2vec.client.calls import Call
from stamp2vec.client.connection import channel_options, metadata
from stamp2vec.client.errors import call_error
from stamp2vec.client.stream import Document, DocumentStream
from stamp2vec.document import EraseOptions
from stamp2vec.document.options import DocumentOptions, Options, PageOptions
from stamp2vec.errors import Stamp2vecError
from stamp2vec.files import File, contents
from stamp2vec.limits import DEFAULT_DEADLINE_S, MAX_DOCUMENT_BYTES
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import (
    Comparison,
    Detection,
    DocumentResult,
    Embedding,
    ErasedDocument,
    InkColour,
    ModelInfo,
    PageResult,
    Preset,
    StampPlace,
    StampType,
)
from stamp2vec.wire.images import Picture

Result = TypeVar("Result")


class Client:
    """A connection to a gateway, safe to share between threads.

    Pictures are the bytes of an image file or uint8 arrays (H, W, 3) or (H, W). Every method raises InvalidInput for
    a wrong argument, ModelNotFound, and a ServiceError (Unavailable, Overloaded, DeadlineExceeded, Unauthenticated,
    PermissionDenied, NotEnabled) for every other failure. Methods for several pictures return a list with an error in
    the place of each picture that could not be read.
    """

    def __init__(
        self,
        address: str,
        *,
        deadline_s: float = DEFAULT_DEADLINE_S,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
    ) -> None:
        """`address` is host:port or any gRPC target; `deadline_s` holds for each call.

        `credentials`, such as grpc.ssl_channel_credentials(), encrypt the connection. `token` is sent with every call
        as `authorization: Bearer`. InvalidInput for a token without credentials, unless the gateway is on this machine.
        """
        self.address = address
        self.deadline_s = deadline_s
        self._metadata = metadata(address, token, encrypted=credentials is not None)
        if credentials is None:
            self._channel = grpc.insecure_channel(address, channel_options(address))
        else:
            self._channel = grpc.secure_channel(address, credentials, channel_options(address))
        self._stub = StampServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection and every call on it."""
        self._channel.close()

    def analyze(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = False,
        **options: Unpack[DocumentOptions],
    ) -> DocumentResult:
        """Finds every stamp of a document, its bytes or its path, segments its ink and compares it with every other.

        The options are those of `stamp2vec.document.Options`:

        - `min_score`, 0 to 1, is by default the detector's own threshold.
        - `max_overlap`, 0 to 0.9 and by default 0.5, is how far two stamps may overlap, as intersection over union.
        - `include_vectors`, by default True, `include_masks`, `include_crops`, `include_unrolled`,
          `include_clean_stamps` and `include_erased_page`, by default False: what is not included is not computed, and
          without vectors there are no similarities and no dies.
        - `prior`, above 0, below 1 and by default 0.5, is the share of pairs of one die among look-alikes.
        - `pages`, counted from 1, are for example "1-3,7"; `password` opens a PDF that asks for one.

        A `bulk` call yields to interactive ones. A document has at most 32 MiB and 100 pages: analyze_many and
        analyze_pages take larger ones. A path that cannot be read raises UnreadableFile, an OSError too.
        """
        data = contents(document, MAX_DOCUMENT_BYTES, "document")
        return self._run(calls.analyze(data, preset, Options(**options), bulk=bulk))

    def erase(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        types: Sequence[StampType] = (),
        inks: Sequence[InkColour] = (),
        dies: Sequence[int] = (),
        keep: Sequence[StampPlace] = (),
        min_score: float | None = None,
        max_overlap: float | None = None,
        pages: str = "",
        password: str | None = None,
        bulk: bool = False,
    ) -> ErasedDocument:
        """The file without its stamps: of these types, inks and dies, each any where it is empty, not those to keep.

        Paper is where their ink lay, print and handwriting under it are kept, and so is all else of the file; a JPEG
        becomes a PNG. Dies are numbered as `analyze` numbers them with the same options. A document has at most
        32 MiB and 100 pages. InvalidInput when a stamp to be kept does not exist.
        """
        options = EraseOptions(
            types=tuple(types),
            inks=tuple(inks),
            dies=tuple(dies),
            keep=tuple(keep),
            min_score=min_score,
            max_overlap=max_overlap,
            pages=pages,
            password=password,
        )
        data = contents(document, MAX_DOCUMENT_BYTES, "document")
        return self._run(calls.erase(data, preset, options, bulk=bulk))

    def analyze_many(
        self,
        documents: Iterable[Document],
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = True,
        deadline_s: float = 3600.0,
        **options: Unpack[DocumentOptions],
    ) -> Iterator[tuple[str, DocumentResult | Stamp2vecError]]:
        """The same for any number of documents of up to 256 MiB and 5,000 pages: paths, or (name, file) pairs.

        Yields each path as text, or name, with the result or the error of its document, as they finish, in any order:
        progress is the number of them. One that fails, or cannot be read, costs no other anything. The gateway has
        eight in work at a time, and documents are read as it takes them, in a thread of gRPC; what `documents` itself
        raises is raised here, after the results of those before. `deadline_s` holds for the whole stream: when that or
        the connection ends, a ServiceError is raised, and documents without a result are to be sent again. Closing
        this generator, or dropping it, cancels the stream. Documents are `bulk` unless a person waits for them.
        """
        stream = DocumentStream(preset, Options(**options), bulk=bulk)
        call = self._stub.AnalyzeDocuments(stream.requests(documents), timeout=deadline_s, metadata=self._metadata)
        try:
            for response in call:
                yield from stream.results(response)
            yield from stream.end()
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error
        finally:
            call.cancel()

    def analyze_pages(
        self,
        document: File,
        preset: Preset = Preset.FAST,
        *,
        bulk: bool = False,
        deadline_s: float = 3600.0,
        **options: Unpack[PageOptions],
    ) -> Generator[PageResult, None, tuple[str, ...]]:
        """The pages of one document as they are analysed, in order, the first while the others are still read.

        Its dies are known at the end alone, so no stamp has one: see analyze_many for these. The generator returns the
        warnings on the file as a whole, which are known at the end too.
        """
        stream = DocumentStream(preset, Options(**options), bulk=bulk)
        call = self._stub.AnalyzeDocuments(
            stream.requests([("document", document)]), timeout=deadline_s, metadata=self._metadata
        )
        try:
            for response in call:
                yield from stream.pages(response)
            stream.raise_refusal()
            return stream.file_warnings
        except grpc.RpcError as error:
            raise call_error(error, self.address) from error
        finally:
            call.cancel()

    def detect(
        self,
        pages: Sequence[Picture],
        model: Preset | str = Preset.FAST,
        *,
        min_score: float | None = None,
        max_overlap: float | None = None,
        max_detections: int | None = None,
        bulk: bool = False,
    ) -> list[list[Detection] | Stamp2vecError]:
        """Finds the stamps of 1 to 64 pages, best first. `model` is a preset, a name or `name@version`.

        `min_score` and `max_overlap` are those of analyze; `max_detections`, 1 to 300 and by default 300, is the most
        for a page.
        """
        return self._run(
            calls.detect(
                pages,
                model,
                min_score=min_score,
                max_overlap=max_overlap,
                max_detections=max_detections,
                bulk=bulk,
            )
        )

    def segment(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[np.ndarray | Stamp2vecError]:
        """Segments the ink of 1 to 64 cropped stamps: uint8 (H, W) of each crop's size, 255 is ink."""
        return self._run(calls.segment(crops, model, bulk=bulk))

    def embed(
        self, crops: Sequence[Picture], model: Preset | str = Preset.FAST, *, bulk: bool = False
    ) -> list[Embedding | Stamp2vecError]:
        """Embeds 1 to 64 cropped stamps."""
        return self._run(calls.embed(crops, model, bulk=bulk))

    def compare(
        self,
        a: Picture | Embedding,
        b: Picture | Embedding,
        model: Preset | str | None = None,
        *,
        by_vectors: bool = False,
        prior: float | None = None,
    ) -> Comparison:
        """Judges whether one die made two stamps, each a crop or a vector.

        Two crops are compared by their ink too, unless only `by_vectors`; vectors show no letters, so that by them
        alone the verdict is SAME_LAYOUT at most. `model` is by default that of a vector, else the fast one. `prior`, by
        default 0.5, is the share of pairs of one die among those that are asked about, the others being look-alikes.
        """
        return self._run(calls.compare(a, b, model, by_vectors=by_vectors, prior=prior))

    def models(self) -> list[ModelInfo]:
        """The models behind the gateway."""
        return self._run(calls.models())

    def _run(self, call: Call[Result]) -> Result:
        try:
            response = getattr(self._stub, call.method)(call.request, timeout=self.deadline_s, metadata=self._metadata)
        except grpc.RpcError as error:
            return call.read_error(error, self.address)
        return call.read(response)
