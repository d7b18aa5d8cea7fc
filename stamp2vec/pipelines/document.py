"""A document through the models of this process, page by page: the same rules as a gateway's, on the same values."""

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from time import perf_counter
from typing import Self, Unpack

from stamp2vec import hub
from stamp2vec.document import (
    AnalyzedPage,
    DocumentDies,
    DocumentOptions,
    EraseOptions,
    Models,
    Options,
    analyzed_stamp,
    answered_stamps,
    assemble,
    calibration_of,
    check_stamp_count,
    cut,
    erased_document,
    erased_page,
    failed_page,
    fit_of,
    on_whole,
    page_result,
    plans,
    without_stamps,
)
from stamp2vec.erasing import open_eraser
from stamp2vec.errors import InvalidImage
from stamp2vec.files import File, contents
from stamp2vec.imaging import BrokenPage, Limits, Reader, open_file, pages_to_read, prepared, read_page
from stamp2vec.limits import MAX_STREAMED_PAGES
from stamp2vec.pipelines.comparison import VerificationPipeline, ink_models
from stamp2vec.pipelines.detection import DetectionPipeline
from stamp2vec.pipelines.embedding import EmbeddingPipeline
from stamp2vec.pipelines.reading import ReadingPipeline
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import (
    DocumentResult,
    ErasedDocument,
    InkColour,
    PageResult,
    Preset,
    StampPlace,
    StampType,
    Task,
    Timing,
)

_LIMITS = Limits(max_pages=MAX_STREAMED_PAGES)  # no message has to hold them


class DocumentPipeline:
    """Finds every stamp of a document, lifts its ink, embeds it and compares it with every other."""

    def __init__(
        self,
        detector: DetectionPipeline,
        segmenter: SegmentationPipeline,
        embedder: EmbeddingPipeline,
        verifier: VerificationPipeline | None = None,
        reader: ReadingPipeline | None = None,
        compared: SegmentationPipeline | None = None,
    ) -> None:
        """All are held; each is only run where its results are asked for. Without a verifier there are no dies.

        Without a reader, the bundled one of the preset fast is loaded where text is asked for. `segmenter` makes the
        masks that are asked for, `compared` those that the verifier compares: it is the segmenter that the verifier was
        measured with, by default the same.

        InvalidInput when nobody has measured the verifier, or when it was with masks of another segmenter.
        """
        self.detector, self.segmenter, self.embedder, self.verifier = detector, segmenter, embedder, verifier
        self._compared = segmenter if compared is None else compared
        self._ink = None if verifier is None else ink_models(verifier, self._compared)
        self._reader = reader

    @property
    def reader(self) -> ReadingPipeline:
        """What reads text. MissingExtra where the extra `read` is not installed."""
        if self._reader is None:
            self._reader = ReadingPipeline.from_pretrained(hub.for_preset(Task.READ, Preset.FAST).reference)
        return self._reader

    @classmethod
    def from_preset(cls, preset: Preset = Preset.FAST, device: str = "cpu") -> Self:
        """Loads the bundled models of a preset. ModelNotFound when it has none for one of the tasks."""
        tasks = (Task.DETECT, Task.SEGMENT, Task.EMBED, Task.VERIFY)
        detector, segmenter, embedder, verifier = (hub.for_preset(task, preset) for task in tasks)
        masks = SegmentationPipeline.from_pretrained(segmenter.reference, device)
        measured = calibration_of(verifier.info).segmenter
        return cls(
            DetectionPipeline.from_pretrained(detector.reference, device),
            masks,
            EmbeddingPipeline.from_pretrained(embedder.reference, device),
            VerificationPipeline.from_pretrained(verifier.reference, device),
            compared=masks if segmenter.name == measured else SegmentationPipeline.from_pretrained(measured, device),
        )

    def __call__(
        self,
        document: File,
        **asked: Unpack[DocumentOptions],
    ) -> DocumentResult:
        """Analyses the pages of a file, its bytes or its path, one by one, holding one page in memory at a time.

        The keyword arguments are those of `stamp2vec.document.Options`. A file has at most 5,000 pages. A page that
        cannot be read carries its error and costs no other page anything; InvalidImage is raised when none can, and
        InvalidInput when an option is wrong or more than 2,000 stamps are to be compared. UnreadableFile, which is an
        OSError too, when there is no file at the path.
        """
        options = Options(**asked)
        options.check()
        clock = _Clock()
        analyzed: list[AnalyzedPage] = []
        with clock.during("decode"):
            data = contents(document, field="document")
            reader = open_file(io.BytesIO(data), _LIMITS, "document", options.password)
        with closing(reader):
            for index in pages_to_read(reader.page_count, options.pages, _LIMITS, "document"):
                stamps_before = sum(len(each.stamps) for each in analyzed)
                analyzed.append(self._page(reader, index, options, clock, stamps_before))
        models = Models(
            self.detector.manifest.info,
            self.embedder.manifest.info if options.include_vectors else None,
            self.segmenter.manifest.info if options.needs_masks else None,
            self._ink if options.include_vectors else None,
            self.reader.manifest.info if options.include_text else None,
            self.detector.measured,
        )
        dies = DocumentDies(analyzed, models, options.known_prior)
        with clock.during("compare"):
            self._compare(dies)
        return assemble(
            analyzed, dies, models, options, clock.timing, warnings=reader.warnings, page_count=reader.page_count
        )

    def pages(self, document: File, options: Options) -> Generator[PageResult, None, tuple[str, ...]]:
        """The pages of a file one by one, as Client.analyze_pages gives them: no stamp has a die.

        Returns the warnings on the file. Raises what a call raises, but yields also pages of which none can be read.
        """
        options.check()
        clock = _Clock()
        data = contents(document, field="document")
        with closing(open_file(io.BytesIO(data), _LIMITS, "document", options.password)) as reader:
            for index in pages_to_read(reader.page_count, options.pages, _LIMITS):
                page = self._page(reader, index, options, clock, stamps_before=0)
                yield page_result(page, (0,) * len(page.stamps))
            return reader.warnings

    def erase(
        self,
        document: File,
        *,
        types: Sequence[StampType] = (),
        inks: Sequence[InkColour] = (),
        dies: Sequence[int] = (),
        keep: Sequence[StampPlace] = (),
        min_score: float | None = None,
        max_overlap: float | None = None,
        pages: str = "",
        password: str | None = None,
    ) -> ErasedDocument:
        """The file without its stamps, of which `types`, `inks` and `dies` select some; see EraseOptions.

        A page that cannot be rewritten stays as it was and carries its error. Raises what a call raises, InvalidInput
        also when a stamp to be kept does not exist, and MissingExtra for a PDF without the extra `erase`.
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
        options.check()
        data = contents(document, field="document")
        result = self(data, **asdict(options.analysis()))
        begin = perf_counter()
        file, done = io.BytesIO(data), []
        with closing(open_file(file, _LIMITS, "document", password)) as reader:
            eraser = open_eraser(file, reader, _LIMITS, "document", password)
            for plan in plans(result, options):
                try:
                    done.append(erased_page(plan, eraser.erase(plan.page.index, plan.marks) if plan.marks else ()))
                except InvalidImage as error:
                    done.append(erased_page(plan, (), error))
            target = io.BytesIO()
            media_type = eraser.save(target)
        spent_ms = 1000 * (perf_counter() - begin)
        timing = replace(result.timing, erase_ms=spent_ms, total_ms=result.timing.total_ms + spent_ms)
        return erased_document(result, done, target.getvalue(), media_type, eraser.warnings, timing)

    def _compare(self, dies: DocumentDies) -> None:
        while self.verifier is not None and (each := dies.next_round()):
            dies.add_ink(each.crops, self._compared(list(each.crops.values())))
            laid = list(map(dies.lay, each.pairs))
            dies.learn(laid, self.verifier([pair for pair in laid if pair is not None]))

    def _page(self, reader: Reader, index: int, options: Options, clock: "_Clock", stamps_before: int) -> AnalyzedPage:
        with clock.during("decode"):
            fit = None if options.include_erased_page else fit_of(self.detector.manifest.info, self.detector.measured)
            page = read_page(reader, index, fit)
            if isinstance(page, BrokenPage):
                return failed_page(page, page.error)
            page = prepared(page)
        with clock.during("detect"):
            found = self.detector(page.image, options.min_score, options.overlap)
        if found and page.is_reduced:
            with clock.during("decode"):
                whole = read_page(reader, index)
            if isinstance(whole, BrokenPage):
                return failed_page(whole, whole.error)
            whole = prepared(whole)
            found, page = on_whole(found, page, whole), whole
        check_stamp_count(stamps_before + len(found), options)
        parts = [cut(page.image, detection) for detection in found]
        crops = [part.pixels for part in parts]
        with clock.during("segment"):
            masks = self.segmenter(crops) if options.needs_masks else [None] * len(crops)
        with clock.during("read"):
            texts = [
                None
                if mask is None or not options.include_text
                else self.reader.stamp(part.pixels, mask, part.detection)
                for part, mask in zip(parts, masks, strict=True)
            ]
        with clock.during("embed"):
            vectors = list(self.embedder.run(crops)) if options.include_vectors else [None] * len(crops)
        stamps = [
            analyzed_stamp(part, vector, mask, options, text=text, keep_picture=options.keeps_picture(number))
            for number, (part, vector, mask, text) in enumerate(
                zip(parts, vectors, masks, texts, strict=True), stamps_before
            )
        ]
        analyzed = AnalyzedPage(page.index, page.info, tuple(stamps), scale=page.scale)
        if not options.include_erased_page:
            return analyzed
        with clock.during("erase"):
            erased = without_stamps(page, analyzed)
        return replace(analyzed, stamps=answered_stamps(stamps, options), erased=erased)


class _Clock:
    """Adds up the time of each stage."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self._spent = dict.fromkeys(("decode", "detect", "segment", "embed", "compare", "read", "erase"), 0.0)

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        begin = perf_counter()
        yield
        self._spent[stage] += perf_counter() - begin

    def timing(self) -> Timing:
        total = perf_counter() - self._start
        return Timing(total_ms=1000 * total, **{f"{stage}_ms": 1000 * spent for stage, spent in self._spent.items()})
