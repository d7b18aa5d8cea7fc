"""`stamp2vec app`: a page in a browser of this machine that takes a file and shows what is on a page of it."""

import os
import signal
import socket
import tempfile
from argparse import Namespace
from threading import Event
from typing import Any

import numpy as np
from PIL import Image

from stamp2vec.cli.engine import Engine
from stamp2vec.cli.report import Report
from stamp2vec.display import likeness_html
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, MissingExtra, Stamp2vecError
from stamp2vec.imaging import BrokenPage, Limits, Page, decode_pages
from stamp2vec.limits import MAX_DOCUMENT_BYTES, MAX_STREAMED_PAGES
from stamp2vec.values import PageResult

_HOST = "127.0.0.1"  # files that are sent to it can be fetched by whoever reaches it
_KEEP_S = 600  # uploads and pictures, after they were made
_SHOWN_PX = 1600
_LIMITS = Limits(max_bytes=MAX_DOCUMENT_BYTES, max_pages=MAX_STREAMED_PAGES)

Shown = tuple[Any, list[tuple[np.ndarray, str]], list[tuple[np.ndarray, str]], str]


def serve(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Until Ctrl-C or SIGTERM. MissingExtra without `app`, InvalidInput where the port is taken."""
    port = _port(arguments.port)
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with tempfile.TemporaryDirectory(prefix="stamp2vec-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # else files stay in the one that all users of the machine share
        page = _page(engine, arguments.password)
        page.launch(
            server_name=_HOST,
            server_port=port,
            max_file_size=MAX_DOCUMENT_BYTES,
            prevent_thread_lock=True,
            show_error=True,
            quiet=True,
        )
        report.note(f"open http://{_HOST}:{port}/ in a browser; Ctrl-C ends it")
        ended.wait()
        page.close()


def _page(engine: Engine, password: str | None) -> Any:
    try:
        import gradio
    except ImportError as error:
        raise MissingExtra("the page", "app", error) from error

    def analyze(file: bytes | None, number: float) -> Shown:
        try:
            return _analyzed(engine, file, int(number), password)
        except Stamp2vecError as error:
            raise gradio.Error(str(error), print_exception=False) from error

    with gradio.Blocks(title="Stamp2vec", analytics_enabled=False, delete_cache=(_KEEP_S, _KEEP_S)) as page:
        gradio.Markdown("# Stamp2vec\nThe ink stamps on a page, their ink, and how alike they are.")
        with gradio.Row():
            file = gradio.File(label="PDF, TIFF or picture", type="binary")
            number = gradio.Number(1, label="Page", precision=0, minimum=1)
        button = gradio.Button("Analyse", variant="primary")
        outputs = [
            gradio.AnnotatedImage(label="Stamps", format="png"),
            gradio.Gallery(label="Crops", format="png", columns=6, object_fit="contain"),
            gradio.Gallery(label="Ink", format="png", columns=6, object_fit="contain"),
            gradio.HTML(label="Likeness"),
        ]
        button.click(analyze, [file, number], outputs, api_name="analyze")
    return page


def _analyzed(engine: Engine, file: bytes | None, number: int, password: str | None) -> Shown:
    """What the outputs get. InvalidInput, or a ServiceError."""
    if file is None:
        raise InvalidInput("there is no file: choose one")
    options = Options(include_masks=True, include_crops=True, pages=str(number), password=password)
    ((_, result),) = engine.analyze([("document", file)], options)
    if isinstance(result, Stamp2vecError):
        raise result
    (found,) = result.pages
    (page,) = decode_pages(file, _LIMITS, pages=str(number), password=password)
    if isinstance(page, BrokenPage):
        raise page.error
    names = [f"{number} {stamp.type} {stamp.score:.2f}" for number, stamp in enumerate(found.stamps, 1)]
    crops = [stamp.crop for stamp in found.stamps]
    masks = [stamp.mask for stamp in found.stamps]
    return (
        annotated(page, found, names),
        [(crop, name) for crop, name in zip(crops, names, strict=True) if crop is not None],
        [(np.uint8(255) - mask, name) for mask, name in zip(masks, names, strict=True) if mask is not None],
        likeness_html(result),
    )


def annotated(page: Page, found: PageResult, names: list[str]) -> Any:
    """The page in the size of a screen, and boxes in its pixels: whole ones, inside it, and never empty."""
    picture = Image.fromarray(page.image)
    picture.thumbnail((_SHOWN_PX, _SHOWN_PX))
    sides = np.array([picture.width, picture.height] * 2)
    scale = sides / ([found.width, found.height] * 2)
    boxes = []
    for stamp, name in zip(found.stamps, names, strict=True):
        x1, y1, x2, y2 = np.clip(np.rint(stamp.box * scale), 0, sides).astype(int).tolist()
        x1, y1 = min(x1, picture.width - 1), min(y1, picture.height - 1)
        boxes.append(((x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)), name))
    return np.asarray(picture), boxes


def _port(chosen: int) -> int:
    """InvalidInput when it is taken; for 0 one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, chosen))
        except OSError as error:
            raise InvalidInput(f"port {chosen} cannot be used ({error.strerror}): choose another --port") from error
        return int(probe.getsockname()[1])
