"""The rounds: in each of them every server has its turn, so that what else the machine does meets all of them."""

import enum
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.peers.answers import difference
from bench.peers.contestants import KEEP_MEMORY, OURS, PEERS, Contestant, DidNotRun, Server, free_port
from bench.peers.job import Job, Work
from bench.peers.load import LoadFailed
from bench.peers.loop import Loop, Speed
from bench.peers.measuring import Running, Sample
from stamp2vec import hub
from stamp2vec.imaging import decode_image, letterbox

INSTANCES = 2
_BATCHES = (1, 4, 8)
_TUNING_CALLERS = 16
_USUAL_BATCH = 4  # in the examples of their documentation
_PAGE = Path(__file__).parents[2] / "docs" / "sample" / "page.jpg"

Progress = Callable[[str], None]


class AnswersDiffer(Exception):
    """A server does other work than the others: its speed would say nothing."""


class Setting(enum.Enum):
    """How the peers are set up; ours is always as it is installed."""

    EQUAL = "the same ONNX Runtime session and malloc settings, batches tuned for each"
    AS_FOUND = "peers with eager PyTorch, glibc's malloc, batches of 4 and their own defaults"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    callers: Sequence[int]
    rounds: int
    seconds: float
    """Of each measurement, about."""


@dataclass(slots=True)
class Race:
    """What came out of a model in a setting."""

    model: str
    setting: Setting
    jobs: dict[str, Job] = field(default_factory=dict)
    """By server, in the order in which they started."""
    samples: list[Sample] = field(default_factory=list)
    loop: dict[tuple[int, int], Speed] = field(default_factory=dict)
    """By callers and round: measured beside the servers."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why a server takes no part, or no longer, by its name."""

    def drop(self, name: str, callers: int, reason: str) -> None:
        """A server failed with so many callers: what was measured with fewer stays."""
        self.missing[name] = f"with {callers} callers, {reason}"
        self.samples = [sample for sample in self.samples if (sample.name, sample.callers) != (name, callers)]


def run(model: str, setting: Setting, plan: Plan, progress: Progress) -> Race:
    """Raises AnswersDiffer, and DidNotRun or LoadFailed where ours does not start or does not answer everything."""
    race = Race(model, setting)
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        course = Course(model, setting, folder)
        servers: list[Running] = []
        for contestant in (OURS, *PEERS):
            try:
                job = course.job(contestant, plan.seconds, progress)
                servers.append(course.start(contestant, job))
            except (DidNotRun, LoadFailed) as error:
                if contestant is OURS:
                    raise
                race.missing[contestant.name] = str(error)
                continue
            exits.callback(servers[-1].stop)
            race.jobs[contestant.name] = job
        loop = Loop(course.reference, course.picture, KEEP_MEMORY)
        exits.callback(loop.stop)
        loop.run(plan.seconds / 2)  # loads the model
        for callers in plan.callers:
            for turn in range(plan.rounds):
                progress(f"{model}, {setting.name.lower()}, {callers} callers, round {turn + 1} of {plan.rounds}")
                race.loop[callers, turn] = loop.run(plan.seconds)
                first = turn % len(servers)
                for server in servers[first:] + servers[:first]:
                    try:
                        race.samples.append(server.measure(callers, turn, plan.seconds))
                    except LoadFailed as error:
                        if server.name == OURS.name:
                            raise
                        servers.remove(server)
                        race.drop(server.name, callers, str(error))
    return race


class Course:
    """What is asked of every server, and what is to be answered."""

    def __init__(self, model: str, setting: Setting, folder: Path) -> None:
        """`folder` is for what servers write."""
        manifest = hub.read_manifest(hub.find(model))
        pixels, _ = letterbox(decode_image(_PAGE.read_bytes()), (manifest.input_height, manifest.input_width))
        self.reference = Job(model, "onnx", INSTANCES, _USUAL_BATCH, 0, 0)
        self.picture = pixels.tobytes()
        self._task, self._setting, self._folder = manifest.task, setting, folder
        self._expected = Work(self.reference).answers([self.picture])[0]
        self._calls = {each.name: each.call(manifest, pixels) for each in (OURS, *PEERS)}

    def start(self, contestant: Contestant, job: Job) -> Running:
        """Raises DidNotRun, or AnswersDiffer."""
        memory = KEEP_MEMORY if self._setting is Setting.EQUAL else {}
        server = Server(contestant, replace(job, port=free_port()), self._folder, memory)
        running = Running(server, self._calls[contestant.name])
        if differs := difference(self._task, self._expected, running.answer):
            running.stop()
            raise AnswersDiffer(f"the answer of {contestant.name} differs: {differs}")
        return running

    def job(self, contestant: Contestant, seconds: float, progress: Progress) -> Job:
        """Ours measures its batches when it starts, and has no other setting. Raises as `start` does."""
        if contestant is OURS:
            return self.reference
        if self._setting is Setting.AS_FOUND:
            return replace(self.reference, engine="torch", max_wait_ms=None)
        rates = {}
        for size in _BATCHES:
            progress(f"{contestant.name}, batches of at most {size}")
            server = self.start(contestant, replace(self.reference, max_batch=size))
            try:
                rates[size] = server.measure(_TUNING_CALLERS, 0, seconds).rate
            finally:
                server.stop()
        return replace(self.reference, max_batch=max(rates, key=lambda size: rates[size]))
