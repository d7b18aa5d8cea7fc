"""Scores models: `python -m training.evaluate detect (--shards DIR | --kit DIR) --out DIR`.

Embedders: `python -m training.evaluate (retrieve | verify) (--crops DIR | --kit DIR) [--distractors DIR] --out DIR`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from stamp2vec.candidates import SCORE_FLOOR
from stamp2vec.errors import Stamp2vecError
from stamp2vec.pipelines import YoloStampPipeline
from training.evaluate import embedder
from training.evaluate.montage import alarms, misses, montage
from training.evaluate.report import Report, match_pages, report_on, table
from training.evaluate.truth import TruePage, read_kit, read_shards


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    add = top.add_subparsers(required=True, metavar="COMMAND", dest="command").add_parser
    detect = add(
        "detect",
        help="figures, slices, calibration and a montage of mistakes of a detector",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data = detect.add_mutually_exclusive_group(required=True)
    data.add_argument("--shards", type=Path, help="rendered pages: a folder of training.synth.shards")
    data.add_argument("--kit", type=Path, help="real pages: a folder with a manifest.json; for evaluation only")
    detect.add_argument("--model", default="yolo-stamp", help="a bundled name, a folder, or the address of one")
    detect.add_argument("--out", type=Path, required=True, help="folder for detect.json and montage.png")
    detect.add_argument("--json", action="store_true", help="print detect.json in place of the tables")
    for name, title in (
        ("retrieve", "recall, mAP and CMC of embedders: do stamps of the same die come first?"),
        ("verify", "errors, calibration and verdicts of embedders: are two stamps of one die?"),
    ):
        command = add(name, help=title, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        data = command.add_mutually_exclusive_group(required=True)
        data.add_argument("--crops", type=Path, action="append", help="rendered crops of training.synth.crop_shards")
        data.add_argument("--kit", type=Path, help="real stamps: a folder with a stamps.json; for evaluation only")
        command.add_argument("--distractors", type=Path, action="append", help="more crops, of other dies")
        command.add_argument(
            "--model", action="append", help="a bundled name, a folder, or the address of one; may be repeated"
        )
        command.add_argument("--out", type=Path, required=True, help=f"folder for {name}.json and {name}.png")
        command.add_argument("--json", action="store_true", help=f"print {name}.json in place of the tables")
    return top


def find(pipeline: YoloStampPipeline, pages: Sequence[TruePage]) -> list[np.ndarray]:
    """What the model finds on each page: float (K, 5), x1, y1, x2, y2 in pixels of the picture, and the score."""
    found = pipeline([page.path for page in pages], min_score=SCORE_FLOOR)
    return [np.array([[*d.box, d.score] for d in of_page], float).reshape(-1, 5) for of_page in found]


def detect(model: str, shards: Path | None, kit: Path | None, out: Path) -> Report:
    """Score a detector and write detect.json and montage.png. ValueError when the truth cannot be used."""
    folder = shards or kit or Path()
    pages = read_shards(folder) if shards else read_kit(folder)
    if not pages:
        raise ValueError(f"{folder} has no page: render some with `python -m training.synth.shards`, or name another")
    pipeline = YoloStampPipeline.from_pretrained(model)
    found = find(pipeline, pages)
    matches = match_pages(pages, found)
    threshold = pipeline.manifest.threshold
    report = report_on(pipeline.manifest, pages, found, matches, "synthetic" if shards else "real", folder)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(report), indent=2, ensure_ascii=False, allow_nan=False)
    (out / "detect.json").write_text(text + "\n", encoding="utf-8")
    missed, alarming = misses(pages, found, matches, threshold), alarms(pages, found, matches, threshold)
    montage([("Missed stamps", missed), ("False alarms", alarming)]).save(out / "montage.png")
    return report


def score_embedders(
    command: str,
    models: Sequence[str],
    truth: embedder.Truth,
    out: Path,
) -> list[embedder.Report]:
    """Score embedders on the same stamps; write their reports as one list, and what the last one confuses."""
    score = embedder.score_retrieval if command == "retrieve" else embedder.score_verification
    out.mkdir(parents=True, exist_ok=True)
    reports = []
    for model in models:
        report, worst = score(model, truth)
        reports.append(report)
        embedder.sheet(worst, truth).save(out / f"{command}.png")
    text = json.dumps([asdict(report) for report in reports], indent=2, ensure_ascii=False, allow_nan=False)
    (out / f"{command}.json").write_text(text + "\n", encoding="utf-8")
    return reports


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 when it scored, 2 when its input is at fault."""
    args = parser().parse_args(arguments)
    try:
        if args.command == "detect":
            lines = table(detect(args.model, args.shards, args.kit, args.out))
        else:
            truth = embedder.read_truth(args.crops or [], args.kit, args.distractors or [])
            lines = embedder.table(score_embedders(args.command, args.model or ["tvae"], truth, args.out))
    except (OSError, ValueError, Stamp2vecError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    print((args.out / f"{args.command}.json").read_text(encoding="utf-8") if args.json else "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
