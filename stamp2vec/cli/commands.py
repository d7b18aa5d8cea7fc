"""The five commands. Each reads its files one by one, and goes on where one of them fails."""

import io
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from stamp2vec.cli import tables, verdicts
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.report import Report
from stamp2vec.cli.sources import Source, find, read
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.files import write_whole
from stamp2vec.imaging import decode_image
from stamp2vec.values import DocumentResult, Embedding, PageResult

# Crops go to the engine so many files or bytes at a time; a call to a gateway takes 64 images and 64 MiB.
_BATCH = 16
_BATCH_BYTES = 32 * 2**20


def analyze(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Print the stamps of every page."""
    # The table shows how alike the stamps are, which takes vectors; JSON does only when they are to be in it.
    include_vectors = arguments.vectors or not arguments.json
    for source, result in _analyzed(arguments, engine, report, include_vectors=include_vectors, include_masks=False):
        if arguments.json:
            for page in result.pages:
                if page.error is None:
                    print(_json_line(source, page, result, arguments.vectors), flush=True)
        else:
            print(tables.document(source.name, result), flush=True)


def segment(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Write an ink mask for every page or crop, named after its file."""
    folder = Path(arguments.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"--out {folder} cannot be made ({error.strerror}): choose another") from error
    written: set[str] = set()
    for source, index, mask in (_crop_masks if arguments.crop else _page_masks)(arguments, engine, report):
        name = f"{source.stem}.png" if index == 0 else f"{source.stem}-{index + 1}.png"
        if name in written:
            report.fail(
                source.name, InvalidInput(f"another file has been written to {folder / name}: rename one of them")
            )
            continue
        written.add(name)
        try:
            Image.fromarray(mask).save(folder / name)
        except OSError as error:
            report.fail(
                source.name, InvalidInput(f"{folder / name} cannot be written ({error.strerror}): choose another --out")
            )


def embed(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Write the vectors of all crops to one file."""
    names, embeddings = [], []
    for sources, crops in _batches(arguments, report):
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
        report.say(f"{arguments.out} is not written: no file could be embedded")


def compare(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Say whether two crops are of one die, and show them side by side."""
    sides = [data for _, data in read(find([arguments.a, arguments.b], None, report), report)]
    if report.failures:
        return
    if len(sides) != 2:
        raise InvalidInput("compare takes two files: a glob must match one")
    try:
        result = (engine.compare_thoroughly if arguments.thorough else engine.compare)(sides[0], sides[1])
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
        report.say(f"wrote {path}")


def models(arguments: Namespace, engine: Engine, _: Report) -> None:
    """Print the models there are."""
    infos = engine.models()
    if arguments.json:
        for info in infos:
            print(tables.model_json(info))
    else:
        print(tables.models(infos))


def _analyzed(
    arguments: Namespace, engine: Engine, report: Report, *, include_vectors: bool, include_masks: bool
) -> Iterator[tuple[Source, DocumentResult]]:
    """Documents with their results; the failed ones, and failed pages of the others, are reported."""
    waiting: dict[str, Source] = {}

    def documents() -> Iterator[tuple[str, bytes]]:
        for number, (source, data) in enumerate(read(find(arguments.files, arguments.root, report), report)):
            waiting[str(number)] = source
            yield str(number), data

    answers = engine.analyze(
        documents(),
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        include_vectors=include_vectors,
        include_masks=include_masks,
    )
    answered = 0
    while True:
        try:
            number, result = next(answers)
        except StopIteration:
            return
        except Stamp2vecError as error:
            if not answered:
                raise
            for source in waiting.values():
                report.fail(source.name, error)
            report.fail(f"stopped after {answered} files", error)
            return
        answered += 1
        source = waiting.pop(number)
        if isinstance(result, Stamp2vecError):
            report.fail(source.name, result)
        else:
            for page in result.pages:
                if page.error is not None:
                    report.fail(f"{source.name} page {page.index + 1}", page.error)
            yield source, result
        report.advance()


def _page_masks(arguments: Namespace, engine: Engine, report: Report) -> Iterator[tuple[Source, int, np.ndarray]]:
    """The ink of every page, uint8 (H, W): where crops overlap, the greater value counts."""
    for source, result in _analyzed(arguments, engine, report, include_vectors=False, include_masks=True):
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
    for sources, crops in _batches(arguments, report):
        for source, result in zip(sources, engine.segment(crops), strict=True):
            if isinstance(result, Stamp2vecError):
                report.fail(source.name, result)
            else:
                yield source, 0, result
        report.advance(len(sources))


def _batches(arguments: Namespace, report: Report) -> Iterator[tuple[list[Source], list[bytes]]]:
    """The files with their bytes, several at a time."""
    sources: list[Source] = []
    crops: list[bytes] = []
    for source, data in read(find(arguments.files, arguments.root, report), report):
        if crops and (len(crops) == _BATCH or sum(map(len, crops)) + len(data) > _BATCH_BYTES):
            yield sources, crops
            sources, crops = [], []
        sources.append(source)
        crops.append(data)
    if crops:
        yield sources, crops


def _json_line(source: Source, page: PageResult, result: DocumentResult, vectors: bool) -> str:
    stamps = []
    for stamp in page.stamps:
        row: dict[str, object] = {
            "box": [round(edge, 3) for edge in stamp.box],
            "score": round(stamp.score, 6),
            "type": stamp.type,
            "angle_degrees": round(stamp.angle_degrees, 1),
            "ink_colour": stamp.ink_colour,
        }
        if vectors and stamp.vector is not None:
            row["die_group"] = stamp.die_group
            row["vector"] = [round(number, 6) for number in stamp.vector.tolist()]
        stamps.append(row)
    line: dict[str, object] = {
        "file": source.name,
        "page": page.index,
        "width": page.width,
        "height": page.height,
        "stamps": stamps,
    }
    if vectors:
        line["models"] = [f"{model.name}@{model.version}" for model in result.models]
    return json.dumps(line)


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
