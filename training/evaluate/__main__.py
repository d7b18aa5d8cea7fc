"""Scores a model: `python -m training.evaluate detect (--shards DIR | --kit DIR) --out DIR`."""

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
from training.evaluate.montage import alarms, misses, montage
from training.evaluate.report import Report, match_pages, report_on, table
from training.evaluate.truth import TruePage, read_kit, read_shards


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    detect = top.add_subparsers(required=True, metavar="COMMAND").add_parser(
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0 when it scored, 2 when its input is at fault."""
    args = parser().parse_args(arguments)
    try:
        report = detect(args.model, args.shards, args.kit, args.out)
    except (OSError, ValueError, Stamp2vecError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    print((args.out / "detect.json").read_text(encoding="utf-8") if args.json else "\n".join(table(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
