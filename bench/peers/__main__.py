"""Our detector and embedder beside Triton, mosec and LitServe: `make bench-peers`, or `python -m bench.peers`.

All run at the same time on this machine, with the same weights, instances and threads, and do the same for a request:
a raw picture in, the network, suppression of what overlaps and the colour of ink, or a vector, out. The answers are
compared first. One load generator calls them in turn, round by round: compare the ratios, not the rates.
"""

import argparse
import signal
import sys
from pathlib import Path

from bench.peers import chart, report
from bench.peers.contestants import PEERS_PYTHON, DidNotRun
from bench.peers.load import LoadFailed
from bench.peers.race import AnswersDiffer, Plan, Race, Setting, run

_SETTINGS = {setting.name.lower().replace("_", "-"): setting for setting in Setting}


def main() -> int:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--model", nargs="+", default=["yolo-stamp", "stamp-lite"], help="detectors and embedders")
    parser.add_argument("--setting", nargs="+", choices=_SETTINGS, default=list(_SETTINGS), help="by default both")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each server, for each number of callers")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a measurement, about")
    parser.add_argument("--out", type=Path, default=Path("build/race"), help="folder for race.json and race.png")
    chosen = parser.parse_args()
    if min(*chosen.callers, chosen.rounds, chosen.seconds) <= 0:
        parser.error("measure at least 1 caller in 1 round")
    if not PEERS_PYTHON.exists():
        parser.error("the peers are not installed: run `make build/peers/.done`")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that it stops the servers
    plan = Plan(sorted(chosen.callers), chosen.rounds, chosen.seconds)
    chosen.out.mkdir(parents=True, exist_ok=True)
    races: list[Race] = []
    for model in chosen.model:
        for setting in chosen.setting:
            try:
                races.append(run(model, _SETTINGS[setting], plan, lambda line: print(line, file=sys.stderr)))
            except (AnswersDiffer, DidNotRun, LoadFailed) as error:
                print(error, file=sys.stderr)
                return 1
            report.write(races, chosen.out / "race.json")
            chart.draw(races, chosen.out / "race.png")
    print("\n".join(report.tables(races)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
