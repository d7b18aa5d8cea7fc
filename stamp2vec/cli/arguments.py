"""The command line's grammar."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence

from stamp2vec.cli import commands
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.report import Report
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, LOOSEST_MAX_OVERLAP
from stamp2vec.values import Preset

Command = Callable[[Namespace, Engine, Report], None]

_FILES = """\
A FILE is a JPEG, PNG, TIFF, WebP or BMP file, a quoted glob such as 'scans/**/*.tif', or - for stdin.
Exit code: 0 all done; 1 some files failed (a line on stderr each, the others are done); 2 nothing was done."""


def parse(argv: Sequence[str] | None) -> Namespace:
    """The command's arguments; `run` is what to do with them. Wrong usage ends the process with code 2."""
    top = ArgumentParser(
        prog="stamp2vec",
        description="Find the ink stamps on a page, lift their ink, turn them into vectors, compare them.",
        epilog="`stamp2vec COMMAND --help` says more.",
    )
    add = top.add_subparsers(required=True, metavar="COMMAND").add_parser

    def command(name: str, run: Command, title: str, text: str) -> ArgumentParser:
        parser = add(
            name, help=title, description=f"{title}\n\n{text}\n{_FILES}", formatter_class=RawDescriptionHelpFormatter
        )
        parser.set_defaults(run=run)
        parser.add_argument("--gateway", metavar="HOST:PORT", help="let a gateway do the work, not this process")
        parser.add_argument(
            "--preset", type=Preset, choices=list(Preset), default=Preset.FAST, help="speed or accuracy (fast)"
        )
        return parser

    parser = command(
        "analyze",
        commands.analyze,
        "Find the stamps on pages: boxes, scores, what they look like, and how alike they are.",
        "Boxes are x1 y1 x2 y2 in pixels of the upright page; turns are degrees, clockwise. --json prints one line a\n"
        "page: file, page (from 0), width, height, stamps with box, score, type, angle_degrees, ink_colour. Over a\n"
        "gateway, documents are printed as they finish.\n",
    )
    _add_files(parser)
    _add_choice(parser)
    _add_json(parser)
    parser.add_argument("--vectors", action="store_true", help="with --json: each stamp's vector, and the models")

    parser = command(
        "segment",
        commands.segment,
        "Write soft ink masks: 255 is ink, 0 is paper.",
        "Each FILE is a page whose stamps are found first, or with --crop one cropped stamp. The mask of a.jpg is\n"
        "a.png in DIR, of the same size; further pages of a TIFF are a-2.png, a-3.png, ...\n",
    )
    _add_files(parser)
    parser.add_argument("--out", metavar="DIR", required=True, help="where the masks go")
    parser.add_argument("--crop", action="store_true", help="each FILE is one cropped stamp")
    _add_choice(parser)

    parser = command(
        "embed",
        commands.embed,
        "Turn cropped stamps into vectors.",
        "Each FILE is one cropped stamp. The npz has arrays `files` (str), `vectors` (float32, a row a file, of\n"
        "length 1) and `model`: vectors compare only with vectors of the same model.\n",
    )
    _add_files(parser)
    parser.add_argument("--out", metavar="vectors.npz", required=True, help="the file to write")

    parser = command(
        "compare",
        commands.compare,
        "Say whether two cropped stamps are of one die.",
        "Prints a sentence and writes both side by side, framed green for one die, red for two, grey where it cannot\n"
        "be told. With --json the picture is written only where --out names it. With --thorough both are also laid\n"
        "over each other: blue is ink of A that B lacks, orange is ink of B that A lacks, dark is ink of both.\n",
    )
    parser.add_argument("a", metavar="A", help="one stamp")
    parser.add_argument("b", metavar="B", help="the other stamp")
    parser.add_argument("--thorough", action="store_true", help="look at the ink too: tells look-alikes apart")
    parser.add_argument("--out", metavar="PNG", help="the picture to write (compare.png)")
    _add_json(parser)

    parser = command("models", commands.models, "List the models.", "")
    _add_json(parser)

    arguments = top.parse_args(argv)
    _check(top, arguments)
    return arguments


def _check(top: ArgumentParser, arguments: Namespace) -> None:
    """What argparse cannot say of two options at once."""
    if getattr(arguments, "vectors", False) and not arguments.json:
        top.error("--vectors needs --json")
    for option in ("min_score", "max_overlap"):
        if getattr(arguments, "crop", False) and getattr(arguments, option) is not None:
            name = "--" + option.replace("_", "-")
            top.error(f"{name} is for pages: leave out --crop, or {name}")
    typed = [*getattr(arguments, "files", []), getattr(arguments, "a", ""), getattr(arguments, "b", "")]
    if typed.count("-") > 1:
        top.error("- can be given once: stdin holds one file")


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, a glob, or -")
    parser.add_argument("--root", metavar="DIR", help="name files by their path below DIR, not as typed")


def _add_choice(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--min-score",
        metavar="0..1",
        type=_number_to(1.0),
        help="leave out stamps that score less (the model's own threshold)",
    )
    parser.add_argument(
        "--max-overlap",
        metavar=f"0..{LOOSEST_MAX_OVERLAP:g}",
        type=_number_to(LOOSEST_MAX_OVERLAP),
        help="how far two stamps may overlap, as intersection over union; raise it to keep stamps apart that lie on "
        f"each other ({DEFAULT_MAX_OVERLAP:g})",
    )


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def _number_to(most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise ArgumentTypeError(f"{text!r} does not do: choose 0 to {most:g}")
        return value

    return number
