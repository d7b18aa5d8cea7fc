"""The grammar of the command line."""

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence

from stamp2vec.cli import app, commands, erasing, mcp
from stamp2vec.cli.bulk import INDEX_VARIABLE
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.option_rules import DEFAULT_TIMEOUT_S, check
from stamp2vec.cli.option_types import count, model_name, number_to, port, seconds, shard, share
from stamp2vec.cli.report import Report
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, DEFAULT_PRIOR, LOOSEST_MAX_OVERLAP
from stamp2vec.values import Preset

Command = Callable[[Namespace, Engine, Report], None]

PASSWORD_VARIABLE = "STAMP2VEC_PDF_PASSWORD"  # noqa: S105 - the name of a variable

_FILES = """\
A FILE is a PDF, TIFF, JPEG, PNG, WebP, BMP, JPEG 2000 or PNM file, a folder of such files, a quoted glob such as
'scans/**/*.tif', an address such as s3://bucket/scans, gs://... or abfss://..., or - for stdin.
"""

_PLACES = """\
A FILE may also be a stamp of a document, 'scan.pdf#page=3&stamp=2' in quotes, with the numbers that `stamp2vec find`
prints; without a stamp it is the best of the page.
"""

_OUT = """\
--out FILE.parquet or FILE.jsonl is for many documents: it reads them in several processes and writes one table at
the end, with a row a stamp, a row a page without stamps, and a row a file or page that failed, with the error. Pages
and stamps count from 0. What is done is kept in FILE.journal: after a crash, a kill or Ctrl-C the same command with
--resume goes on.
"""

_EXIT_CODES = """\
Exit codes: 0 success; 1 some files failed (a line on stderr or a row for each, the others are done); 2 the command
failed, or its options are wrong.
"""

_GATEWAY = """\
With --gateway, the token in the environment variable STAMP2VEC_TOKEN goes with every call, if it is set.
"""


def parse(argv: Sequence[str] | None) -> Namespace:
    """The options of the command, and in `run` its function. Wrong usage ends the process with code 2."""
    top = ArgumentParser(
        prog="stamp2vec",
        allow_abbrev=False,
        description="Find the ink stamps on documents, segment or erase their ink, make them vectors, compare them.",
        epilog="`stamp2vec COMMAND --help` describes the options and the output of a command.",
    )
    add = top.add_subparsers(required=True, metavar="COMMAND").add_parser

    def command(name: str, run: Command, title: str, text: str) -> ArgumentParser:
        parser = add(
            name,
            allow_abbrev=False,  # --token, which has a secret after it, would be --token-file
            help=title,
            description=f"{title}\n\n{text}",
            epilog=_EXIT_CODES + _GATEWAY,
            formatter_class=RawDescriptionHelpFormatter,
        )
        parser.set_defaults(run=run)
        return parser

    parser = command(
        "find",
        commands.find,
        "Tell which pages have stamps, how many, and where: the quickest look.",
        "Prints a line a page with stamps, and a summary. --json prints a line a page, as analyze does.\n\n"
        + _OUT
        + "\n"
        + _FILES,
    )
    _add_files(parser)
    _add_pages(parser)
    _add_thresholds(parser)
    _add_json(parser)
    _add_preset(parser)
    _add_out(parser)
    _add_gateway(parser, priority=True)

    parser = command(
        "analyze",
        commands.analyze,
        "Find the stamps on pages: boxes, scores, types, rotations, inks, similarities.",
        "Boxes are x1 y1 x2 y2 in pixels of the upright page; rotations are degrees, clockwise.\n\n"
        "--json prints one line a page: file, page (from 0), label, width, height, resolution (pixels an inch),\n"
        "warnings, stamps with box, score, type, angle_degrees, ink_colour, source, box_points (of a PDF), width_mm,\n"
        "height_mm; null is unknown. It takes the detector alone, unless --vectors, --masks, --unrolled or\n"
        "--clean ask for more.\n\n"
        "--crops and --masks write a-1.png, a-2.png, ... for the stamps of a.jpg, numbered through all its pages\n"
        "as in the table; --unrolled writes a-1-1.png, a-1-2.png, ..., the strips of the first stamp, and --clean\n"
        "a-1.png, its ink on transparency, and a-1-white.png. With --json a stamp has these paths in crop, mask,\n"
        "unrolled, transparent and ink, and in crop_box the part of the page that the files show.\n\n"
        "A gateway works on several documents at once: they are printed as they finish.\n\n" + _OUT + "\n" + _FILES,
    )
    _add_files(parser)
    _add_pages(parser)
    _add_thresholds(parser)
    _add_json(parser)
    _add_prior(parser)
    parser.add_argument(
        "--vectors",
        action="store_true",
        help="with --json or --out: a vector a stamp, and its model; with --json also its die_group",
    )
    parser.add_argument("--crops", metavar="DIR", help="write each stamp as a PNG file into DIR")
    parser.add_argument("--masks", metavar="DIR", help="write each stamp's ink mask as a PNG file into DIR")
    parser.add_argument("--text", action="store_true", help="say what each stamp says, as read does")
    parser.add_argument("--unrolled", metavar="DIR", help="write each stamp's text in straight strips into DIR")
    parser.add_argument("--clean", metavar="DIR", help="write each stamp's ink alone into DIR, on nothing and on white")
    _add_preset(parser)
    _add_out(parser)
    _add_gateway(parser, priority=True)

    parser = command(
        "read",
        commands.read_stamps,
        "Say what stamps say: their lines, dates and numbers.",
        "Prints a line a stamp, and below it a line for each line of its text, with the probability that it is right\n"
        "to the letter. What is in doubt has a question mark: two readings of it differ, or one is unsure.\n\n"
        "--json prints a line a page, as analyze does, with text in each stamp. Reads Latin and Chinese; Cyrillic,\n"
        "Vietnamese and Arabic where Tesseract is installed with their languages (tesseract-ocr-rus, -vie, -ara).\n\n"
        + _FILES,
    )
    _add_files(parser)
    _add_pages(parser)
    _add_thresholds(parser)
    _add_json(parser)
    _add_preset(parser)
    _add_gateway(parser, priority=True)

    parser = command(
        "segment",
        commands.segment,
        "Write soft ink masks: 255 is ink, 0 is paper.",
        "Each FILE is a page whose stamps are found first, or with --crop one cropped stamp. The mask of a.jpg is\n"
        "a.png in DIR, of the same size; further pages are a-2.png, a-3.png, ...\n\n" + _FILES,
    )
    _add_files(parser)
    _add_pages(parser)
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the masks")
    parser.add_argument("--crop", action="store_true", help="each FILE is one cropped stamp")
    _add_thresholds(parser)
    _add_model(parser, "a segmenter, with --crop")
    _add_gateway(parser, priority=True)

    parser = command(
        "embed",
        commands.embed,
        "Turn cropped stamps into vectors.",
        "Each FILE is one cropped stamp. The npz has arrays `files` (str), `vectors` (float32, a row a file, of\n"
        "length 1) and `model`: vectors compare only with vectors of the same model.\n\n" + _FILES + _PLACES,
    )
    _add_files(parser)
    _add_password(parser)
    parser.add_argument("--out", metavar="NPZ", required=True, help="file for the vectors")
    _add_model(parser, "an embedder")
    _add_gateway(parser, priority=True)

    parser = command(
        "erase",
        erasing.erase,
        "Write a file without its stamps.",
        "Paper is where their ink lay, print and handwriting under it stay, and so does all else of the file. A JPEG\n"
        "becomes a PNG, for to save a JPEG again changes every pixel. A PDF takes the extra `erase`.\n\n"
        "Prints a line a stamp: erased, partly, kept (with the reason) or not selected. --json prints a line a page:\n"
        "file, page (from 0), label, width, height, warnings, stamps with box, score, type, ink_colour, source,\n"
        "outcome, left (the share of its ink that is still there), reason.\n",
    )
    parser.add_argument("file", metavar="FILE", help="a file, an address, or -")
    parser.add_argument(
        "-o", "--out", metavar="FILE", required=True, type=erasing.out_path, help="where the new file goes"
    )
    parser.add_argument(
        "--only",
        metavar="type=round,ink=red,die=3",
        type=erasing.choice,
        help="erase only stamps that are so; a key that comes twice means either value. Dies are numbered as "
        "`analyze --json --vectors` numbers them",
    )
    parser.add_argument(
        "--keep",
        metavar="'#page=3&stamp=2'",
        type=erasing.kept_place,
        action="append",
        default=[],
        help="a stamp that stays, with the numbers that `stamp2vec find` prints; may be repeated",
    )
    _add_pages(parser)
    _add_thresholds(parser)
    _add_json(parser)
    _add_preset(parser)
    _add_gateway(parser, priority=True)

    parser = command(
        "compare",
        commands.compare,
        "Judge whether one die made two stamps.",
        "Prints the verdict as a sentence and writes both stamps side by side, framed green for one die, red for\n"
        "two dies, grey for no verdict. With --json the picture is written only if --out is given. A third panel\n"
        "shows both laid over each other: blue is ink of A that B lacks, orange is ink of B that A lacks, dark is\n"
        "ink of both; places where they agree are green, and places that one die cannot have made are red.\n\n"
        + _FILES
        + _PLACES,
    )
    parser.add_argument("a", metavar="A", help="the FILE of one stamp")
    parser.add_argument("b", metavar="B", help="the FILE of the other stamp")
    parser.add_argument("--by-vectors", action="store_true", help="compare the vectors alone, which show no letters")
    _add_prior(parser)
    _add_password(parser)
    parser.add_argument("--out", metavar="PNG", help="file for the picture (default: compare.png)")
    _add_json(parser)
    _add_model(parser, "an embedder")
    _add_gateway(parser, priority=False)

    parser = command(
        "models",
        commands.models,
        "List the models.",
        "The role of a model is its presets and its task. A model without a preset is used by its name alone.\n",
    )
    _add_json(parser)
    _add_gateway(parser, priority=False)

    parser = command(
        "mcp",
        mcp.serve,
        "Serve tools to an assistant, over stdin and stdout, by the Model Context Protocol.",
        "The tools find_stamps, analyze_document, read_stamps and compare_stamps read files below the folders of\n"
        "--root. Nothing is written without --write-root; with it erase_stamps writes new files below that folder,\n"
        "and overwrites none. The assistant's program starts this command: docs/mcp.md has its configuration.\n",
    )
    parser.add_argument(
        "--root", metavar="DIR", action="append", help="a folder whose files may be read; can be repeated (default: .)"
    )
    parser.add_argument("--write-root", metavar="DIR", help="the folder for new files; without it no tool writes any")
    _add_password(parser)
    _add_preset(parser)
    _add_gateway(parser, priority=False)

    parser = command(
        "app",
        app.serve,
        "Open a page to try it in a browser of this machine.",
        "It takes a file and shows a page of it: boxes, crops, ink, and how alike the stamps are. Other machines\n"
        "cannot reach it. Files that are sent to it lie in a folder of their own, until it ends at the latest.\n",
    )
    parser.add_argument("--port", metavar="N", type=port, default=7860, help="0 takes a free one (default: 7860)")
    _add_password(parser)
    _add_preset(parser)
    _add_gateway(parser, priority=False)

    arguments = top.parse_args(argv)
    check(top, arguments)
    if arguments.run in (mcp.serve, app.serve):
        arguments.interactive = True  # a person waits
    return arguments


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, a folder, a glob, an address, or -")
    parser.add_argument("--recursive", action="store_true", help="a folder stands for those in it too")
    parser.add_argument("--root", metavar="DIR", help="name files by their path below DIR, not as typed")


def _add_pages(parser: ArgumentParser) -> None:
    parser.add_argument("--pages", metavar="1-3,7", default="", help="of each file only these, counted from 1")
    _add_password(parser)


def _add_password(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--password",
        metavar="TEXT",
        default=os.environ.get(PASSWORD_VARIABLE),
        help=f"opens PDFs that ask for one; others see it on the command line, but not in {PASSWORD_VARIABLE}",
    )


def _add_out(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("many documents")
    group.add_argument(
        "--out", metavar="FILE", help="write a table, .parquet or .jsonl: a path, or an address of a store"
    )
    group.add_argument("--resume", action="store_true", help="go on with what was done before")
    group.add_argument(
        "--jobs",
        metavar="N",
        type=count,
        help="files at a time, each in a process (default: one a core; through a gateway 8)",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        help=f"give a file up when a page of it takes longer (default: {DEFAULT_TIMEOUT_S:g})",
    )
    part = group.add_mutually_exclusive_group()
    part.add_argument(
        "--shard",
        metavar="I/N",
        type=shard,
        help="of N parts only part I, from 0; which file is in which follows from its name alone. The table of part 3 "
        "of 16 is FILE-00003-of-00016.parquet",
    )
    part.add_argument("--shards", metavar="N", type=count, help=f"the same with I from {INDEX_VARIABLE}")


def _add_thresholds(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--min-score",
        metavar="0..1",
        type=number_to(1.0),
        help="leave out stamps that score less (default: the threshold of the detector)",
    )
    parser.add_argument(
        "--max-overlap",
        metavar=f"0..{LOOSEST_MAX_OVERLAP:g}",
        type=number_to(LOOSEST_MAX_OVERLAP),
        help="how far two stamps may overlap, as intersection over union; raise it to keep stamps apart that lie on "
        f"each other (default: {DEFAULT_MAX_OVERLAP:g})",
    )


def _add_prior(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prior",
        metavar="0..1",
        type=share,
        help="the share of pairs of one die among the look-alikes that are compared; probabilities assume it "
        f"(default: {DEFAULT_PRIOR:g})",
    )


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def _add_preset(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--preset", type=Preset, choices=list(Preset), help="the models for speed or accuracy (default: fast)"
    )


def _add_model(parser: ArgumentParser, which: str) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--preset", type=Preset, choices=list(Preset), help="the models for speed or accuracy (default: fast)"
    )
    group.add_argument(
        "--model", metavar="NAME", type=model_name, help=f"{which}: its name, or name@version, of `stamp2vec models`"
    )


def _add_gateway(parser: ArgumentParser, *, priority: bool) -> None:
    group = parser.add_argument_group("gateway")
    group.add_argument("--gateway", metavar="HOST:PORT", help="run the models behind a gateway, not in this process")
    group.add_argument("--tls", action="store_true", help="encrypt, and trust the authorities of this system")
    group.add_argument("--ca", metavar="FILE", help="encrypt, and trust the authorities in a PEM file alone")
    group.add_argument("--token-file", metavar="FILE", help="file with the token, in place of STAMP2VEC_TOKEN")
    if priority:
        group.add_argument("--interactive", action="store_true", help="run before bulk calls, because a person waits")
