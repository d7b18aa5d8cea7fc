"""The seven commands. Each reads its files one by one; a file that fails is reported, and the others go on."""

import io
from argparse import Namespace
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from stamp2vec.cli import bulk, tables, verdicts
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.folders import PngFolder, StampFolders
from stamp2vec.cli.places import crop_bytes
from stamp2vec.cli.report import Report, counted
from stamp2vec.cli.rows import StampFiles, page_json
from stamp2vec.cli.sources import Source, read
from stamp2vec.cli.sources import find as find_sources
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.files import write_whole
from stamp2vec.imaging import decode_image
from stamp2vec.values import DocumentResult, Embedding, Task

# Crops go to the engine so many files or bytes at a time; a call to a gateway takes 64 images and 64 MiB.
_BATCH = 16
_BATCH_BYTES = 32 * 2**20


def find(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Print which pages have stamps."""
    options = Options(
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        include_vectors=False,
        pages=arguments.pages,
        password=arguments.password,
    )
    if arguments.out is not None:
        bulk.run(arguments, engine, options, report)
        return
    pages = stamped = stamps = 0
    for source, result in _analyzed(arguments, engine, report, options):
        read = [page for page in result.pages if page.error is None]
        pages += len(read)
        stamped += sum(bool(page.stamps) for page in read)
        stamps += sum(len(page.stamps) for page in read)
        if arguments.json:
            for page in read:
                files = [StampFiles()] * len(page.stamps)
                print(page_json(source.name, page, result, files, include_vectors=False), flush=True)
        else:
            print(tables.found(source.name, result), end="", flush=True)
    if not arguments.json:
        print(f"{counted(pages, 'page')}, {stamped:,} with stamps, {counted(stamps, 'stamp')}")


def analyze(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Print the stamps of every page."""
    folders = StampFolders(arguments)
    options = Options(
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        # The table has similarities, which take vectors; JSON has nothing of them unless they are asked for.
        include_vectors=arguments.vectors or not (arguments.json or arguments.out),
        include_masks=folders.masks is not None,
        include_crops=folders.crops is not None,
        include_unrolled=folders.unrolled is not None,
        include_clean_stamps=folders.clean is not None,
        include_text=arguments.text,
        prior=arguments.prior,
        pages=arguments.pages,
        password=arguments.password,
    )
    if arguments.out is not None:
        bulk.run(arguments, engine, options, report)
        return
    for source, result in _analyzed(arguments, engine, report, options):
        files = iter(_write_stamps(source, result, folders, report))
        if not arguments.json:
            print(tables.document(source.name, result), flush=True)
            continue
        for page in result.pages:
            if page.error is None:
                written = list(islice(files, len(page.stamps)))
                print(page_json(source.name, page, result, written, include_vectors=arguments.vectors), flush=True)


def read_stamps(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Print what the stamps of every page say."""
    options = Options(
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        include_vectors=False,
        include_text=True,
        pages=arguments.pages,
        password=arguments.password,
    )
    for source, result in _analyzed(arguments, engine, report, options):
        if not arguments.json:
            print(tables.texts(source.name, result), end="", flush=True)
            continue
        for page in result.pages:
            if page.error is None:
                files = [StampFiles()] * len(page.stamps)
                print(page_json(source.name, page, result, files, include_vectors=False), flush=True)


def segment(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Write an ink mask for every page or crop, named after its file."""
    folder = PngFolder(arguments.out, "--out")
    for source, index, mask in (_crop_masks if arguments.crop else _page_masks)(arguments, engine, report):
        try:
            folder.write(source.stem if index == 0 else f"{source.stem}-{index + 1}", mask)
        except InvalidInput as error:
            report.fail(source.name, error)


def embed(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Write the vectors of all crops to one file."""
    names, embeddings = [], []
    for sources, crops in _batches(arguments, engine, report):
        for source, result in zip(sources, engine.embed(crops), strict=True):
            if isinstance(result, Embedding):
                names.append(source.name)
                embeddings.append(result)
            else:
                report.fail(source.name, result)
        report.advance(len(sources))
    if len({(each.model, each.version) for each in embeddings}) > 1:
        raise InvalidInput("the gateway changed its model in the middle of the work: start again")
    if embeddings:
        _write_vectors(Path(arguments.out), names, embeddings)
    else:
        report.note(f"{arguments.out} is not written: no file could be embedded")


def compare(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Print the verdict on two crops, and draw them side by side."""
    typed = [arguments.a, arguments.b]
    sides = [crop for _, crop in _crops(find_sources(typed, report, places=True), engine, arguments.password, report)]
    if report.failures:
        return
    if len(sides) != 2:
        raise InvalidInput("compare takes two files: a glob or a folder must stand for one")
    try:
        result = engine.compare(sides[0], sides[1], by_vectors=arguments.by_vectors, prior=arguments.prior)
    except InvalidInput as error:
        report.fail(f"{arguments.a}, {arguments.b}", error)
        return
    if arguments.json:
        print(verdicts.json_line(arguments.a, arguments.b, result), flush=True)
    else:
        print(verdicts.sentence(arguments.a, arguments.b, result), flush=True)
    path = arguments.out or (None if arguments.json else "compare.png")
    if path:
        _write(Path(path), verdicts.picture(decode_image(sides[0]), decode_image(sides[1]), result))
        report.note(f"wrote {path}")


def models(arguments: Namespace, engine: Engine, _: Report) -> None:
    """Print the models of the engine, in the order in which a document meets them."""
    order = [*Task, None]
    infos = sorted(engine.models(), key=lambda info: (order.index(info.task), info.name))
    if arguments.json:
        for info in infos:
            print(tables.model_json(info))
    else:
        print(tables.models(infos))


def _analyzed(
    arguments: Namespace, engine: Engine, report: Report, options: Options
) -> Iterator[tuple[Source, DocumentResult]]:
    """Documents with their results; the failed ones, and failed pages of the others, are reported."""
    waiting: dict[str, Source] = {}

    def documents() -> Iterator[tuple[str, bytes]]:
        sources = find_sources(arguments.files, report, root=arguments.root, recursive=arguments.recursive)
        for number, (source, data) in enumerate(read(sources, report)):
            waiting[str(number)] = source
            yield str(number), data

    results = engine.analyze(documents(), options)
    done = 0
    while True:
        try:
            number, result = next(results)
        except StopIteration:
            return
        except Stamp2vecError as error:
            if not done:
                raise
            for source in list(waiting.values()):
                report.fail(source.name, error)
            report.fail(f"stopped after {done} files", error)
            return
        done += 1
        source = waiting.pop(number)
        if isinstance(result, Stamp2vecError):
            report.fail(source.name, result)
        else:
            for page in result.pages:
                if page.error is not None:
                    report.fail(f"{source.name} page {page.index + 1}", page.error)
            yield source, result
        report.advance()


def _write_stamps(source: Source, result: DocumentResult, folders: StampFolders, report: Report) -> list[StampFiles]:
    """The files of every stamp of a document, in order; the stamps after one that cannot be written have none."""
    stamps = [stamp for page in result.pages for stamp in page.stamps]
    files = [StampFiles() for _ in stamps]
    try:
        for index, stamp in enumerate(stamps):
            files[index] = folders.write(f"{source.stem}-{index + 1}", stamp)
    except InvalidInput as error:
        report.fail(source.name, error)
    return files


def _page_masks(arguments: Namespace, engine: Engine, report: Report) -> Iterator[tuple[Source, int, np.ndarray]]:
    """The ink of every page, uint8 (H, W): where crops overlap, the greater value counts."""
    options = Options(
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        include_vectors=False,
        include_masks=True,
        pages=arguments.pages,
        password=arguments.password,
    )
    for source, result in _analyzed(arguments, engine, report, options):
        for page in result.pages:
            if page.error is not None:
                continue
            ink = np.zeros((page.height, page.width), np.uint8)
            for stamp in page.stamps:
                x1, y1, x2, y2 = stamp.crop_box
                if stamp.mask is not None:
                    np.maximum(ink[y1:y2, x1:x2], stamp.mask, out=ink[y1:y2, x1:x2])
            yield source, page.index, ink


def _crop_masks(arguments: Namespace, engine: Engine, report: Report) -> Iterator[tuple[Source, int, np.ndarray]]:
    """The ink of every crop, uint8 (H, W)."""
    for sources, crops in _batches(arguments, engine, report):
        for source, result in zip(sources, engine.segment(crops), strict=True):
            if isinstance(result, Stamp2vecError):
                report.fail(source.name, result)
            else:
                yield source, 0, result
        report.advance(len(sources))


def _batches(arguments: Namespace, engine: Engine, report: Report) -> Iterator[tuple[list[Source], list[bytes]]]:
    """The crops with their bytes, several at a time."""
    sources: list[Source] = []
    crops: list[bytes] = []
    found = find_sources(arguments.files, report, root=arguments.root, recursive=arguments.recursive, places=True)
    for source, data in _crops(found, engine, arguments.password, report):
        if crops and (len(crops) == _BATCH or sum(map(len, crops)) + len(data) > _BATCH_BYTES):
            yield sources, crops
            sources, crops = [], []
        sources.append(source)
        crops.append(data)
    if crops:
        yield sources, crops


def _crops(
    sources: Iterator[Source], engine: Engine, password: str | None, report: Report
) -> Iterator[tuple[Source, bytes]]:
    """The bytes of each crop; what is no crop, or no stamp of a document, is reported and left out."""
    for source, data in read(sources, report):
        try:
            yield source, crop_bytes(source, data, engine, password)
        except InvalidInput as error:
            report.fail(source.name, error)


def _write_vectors(path: Path, names: list[str], embeddings: list[Embedding]) -> None:
    """An npz that appears whole or not at all."""
    vectors = np.stack([each.vector for each in embeddings]).astype(np.float32)
    model = f"{embeddings[0].model}@{embeddings[0].version}"
    file = io.BytesIO()
    np.savez(file, files=np.array(names), vectors=vectors, model=np.array(model))
    _write(path, file.getvalue())


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise InvalidInput(f"--out {path} cannot be written ({error.strerror}): choose another") from error
