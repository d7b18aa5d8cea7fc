"""The verdicts that the library gives on pairs of stamps: how often each way of comparing is right, wrong or unsure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stamp2vec.comparison import Judgement, cannot_tell, illegibility, judge_ink
from stamp2vec.document import calibration_of
from stamp2vec.limits import DEFAULT_PRIOR
from stamp2vec.pipelines import EmbeddingPipeline, SegmentationPipeline, VerificationPipeline
from stamp2vec.values import Verdict
from training.evaluate import misjudged, models
from training.evaluate.questions import ONE_DIE, REAL, TWO_DIES, KitQuestions, Questions, TrialQuestions
from training.evaluate.report import Estimate
from training.evaluate.verification import figures

EMBEDDERS = ("tvae", "stamp-lite")
WRONG_OF_ONE_DIE, WRONG_OF_TWO = (Verdict.DIFFERENT, Verdict.MIRRORED), (Verdict.SAME, Verdict.MIRRORED)
PRINTED = (ONE_DIE, TWO_DIES, REAL)
SHOWN = (Verdict.SAME, Verdict.DIFFERENT, Verdict.SAME_LAYOUT, Verdict.CANNOT_TELL)
COLUMNS = ("slice", "method", "pairs", *(verdict.name.replace("_", " ") for verdict in SHOWN), "wrong, 95 %", "EER")


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one way of comparing says of N pairs.

    `score`, float (N,), ranks them: the probability, and the prior where there is none. That of vectors is level from
    the prior on, so they are ranked by the similarity that it is a function of.
    """

    model: str
    sha256: str
    probability: list[float | None]
    verdict: list[Verdict]
    score: np.ndarray


@dataclass(frozen=True, slots=True)
class Row:
    """The share of each verdict on the pairs of one slice, and of the wrong ones, with a 95 % interval.

    Wrong is DIFFERENT of one die, SAME of two dies, and MIRRORED of both: no stamp here is mirrored. `eer` is against
    all whole pairs of one die, and None for pairs of one die.
    """

    by: str
    value: str
    pairs: int
    shares: dict[str, float]
    wrong: Estimate
    eer: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is said of one pair."""

    pair: str
    same_die: bool
    probability: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts by one model; `data` as in detect.json. `asked` has every pair of a kit, and no drawn ones."""

    command: str
    model: str
    sha256: str
    data: str
    folders: list[str]
    pairs: int
    rows: list[Row]
    asked: list[Asked]


def read_questions(
    library: Path | None, trials: Path | None, kit: Path | None, name: str | None, verifier: VerificationPipeline
) -> Questions:
    """The trials of a library, or the set of that name of a kit. ValueError when they cannot be used."""
    if kit and name:
        segmenter = calibration_of(verifier.manifest.info).segmenter
        return KitQuestions(kit, name, SegmentationPipeline.from_pretrained(segmenter))
    if library and trials:
        return TrialQuestions(library, trials)
    raise ValueError("name --library and --trials, which `python -m training.pair.trial` makes; or --kit and --set")


def score(questions: Questions, verifier: VerificationPipeline, out: Path) -> list[Report]:
    """The reports of a pair network beside each embedder, and of the embedders alone, on the same pairs.

    With a picture of what is worst beside the first.
    """
    alone = [by_vectors(questions, models.embedder(name)) for name in EMBEDDERS]
    beside = by_ink(questions, verifier, alone)
    out.mkdir(parents=True, exist_ok=True)
    misjudged.picture(questions, verifier, beside[0].score, beside[0].verdict).save(out / "verdicts.png")
    return [report_on(questions, answers) for answers in (*beside, *alone)]


def by_ink(questions: Questions, verifier: VerificationPipeline, alone: Sequence[Answers]) -> list[Answers]:
    """What a pair network says of all pairs beside each of the embedders."""
    found: list[list[Judgement]] = [[] for _ in alone]
    for number in range(len(questions.names)):
        known = [answers.probability[number] for answers in alone]
        for judgements, judgement in zip(found, judged(questions, number, verifier, known), strict=True):
            judgements.append(judgement)
    manifest = verifier.manifest
    return [
        Answers(
            f"{manifest.name}, {answers.model.partition('@')[0]}",
            manifest.sha256,
            [each.probability for each in judgements],
            [each.verdict for each in judgements],
            np.array([DEFAULT_PRIOR if each.probability is None else each.probability for each in judgements]),
        )
        for answers, judgements in zip(alone, found, strict=True)
    ]


def judged(
    questions: Questions, number: int, verifier: VerificationPipeline, known: Sequence[float | None]
) -> list[Judgement]:
    """The verdicts on a pair by its ink, in the steps of `ComparisonPipeline`, beside each probability by vectors."""
    if reason := next(filter(None, map(illegibility, questions.pictures(number))), ""):
        return [cannot_tell(reason) for _ in known]
    laid = questions.laid(number)
    (places,) = verifier([laid])
    calibration = calibration_of(verifier.manifest.info)
    return [judge_ink(laid, places, calibration, by_vectors=each) for each in known]


def by_vectors(questions: Questions, embedder: EmbeddingPipeline) -> Answers:
    """What the vectors of an embedder say of all pairs."""
    found = [embedder.compare(*questions.pictures(number)) for number in range(len(questions.names))]
    probability, verdict = [each.probability for each in found], [each.verdict for each in found]
    score = np.array([each.similarity for each in found])
    return Answers(embedder.manifest.reference, embedder.manifest.sha256, probability, verdict, score)


def report_on(questions: Questions, answers: Answers) -> Report:
    """A row for each slice that has a pair."""
    verdicts = np.array([verdict.value for verdict in answers.verdict])
    rows = []
    for by, value, of in questions.slices():
        if not of.any():
            continue
        said, one_die = verdicts[of], bool(questions.same[of].all())
        wrong = int(np.isin(said, WRONG_OF_ONE_DIE if one_die else WRONG_OF_TWO).sum())
        shares = {verdict.value: float((said == verdict.value).mean()) for verdict in Verdict}
        eer = None if one_die else figures(answers.score[questions.whole], answers.score[of]).eer
        rows.append(Row(by, value, len(said), shares, wilson(wrong, len(said)), eer))
    every = zip(questions.names, questions.same.tolist(), answers.probability, answers.verdict, strict=True)
    asked = [Asked(*each) for each in every] if questions.data == "real" else []
    where = (questions.data, questions.folders, len(verdicts))
    return Report("verdicts", answers.model, answers.sha256, *where, rows, asked)


def wilson(successes: int, count: int) -> Estimate:
    """A share and its 95 % interval (Wilson 1927)."""
    z, share = 1.96, successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def table(reports: Sequence[Report]) -> Iterator[str]:
    """The main rows of all models as Markdown, slice by slice; then every pair of a kit."""
    first = reports[0]
    yield f"verdicts on {first.pairs} {first.data} pairs, {' '.join(first.folders)}"
    yield ""
    yield from _heading(COLUMNS)
    for number, row in enumerate(first.rows):
        if row.by in PRINTED:
            for report in reports:
                yield _line(report.model, report.rows[number])
    if first.asked:
        yield ""
        yield from _heading(["pair", "truth", *(report.model for report in reports)])
    for number, pair in enumerate(first.asked):
        said = [_said(report.asked[number]) for report in reports]
        yield f"| {' | '.join([pair.pair, 'same die' if pair.same_die else 'two dies', *said])} |"


def _heading(columns: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)


def _line(model: str, row: Row) -> str:
    shares = " | ".join(f"{row.shares[verdict.value]:.1%}" for verdict in SHOWN)
    wrong = f"{row.wrong.value:.1%} [{row.wrong.low:.1%} {row.wrong.high:.1%}]"
    eer = "-" if row.eer is None else f"{row.eer:.1%}"
    return f"| {row.by}: {row.value} | {model} | {row.pairs} | {shares} | {wrong} | {eer} |"


def _said(pair: Asked) -> str:
    return pair.verdict.value if pair.probability is None else f"{pair.probability:.3f} {pair.verdict.value}"
