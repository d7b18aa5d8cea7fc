"""A run: list the files, have workers read them, keep what they find in a journal, and write the table at the end."""

import dataclasses
import json
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import closing

from stamp2vec import __version__
from stamp2vec.cli.bulk import table
from stamp2vec.cli.bulk.journal import DoneFile, DonePage, Journal
from stamp2vec.cli.bulk.output import Output
from stamp2vec.cli.bulk.progress import Progress
from stamp2vec.cli.bulk.workers import Worker, Workers
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.report import Report, counted
from stamp2vec.cli.sources import find
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.values import ModelInfo, Task

GATEWAY_JOBS = 8
"""Files at a time through a gateway: as many as one stream of it would take."""
_ENGINE_OPTIONS = ("preset", "gateway", "tls", "ca", "token_file", "interactive")


def run(arguments: Namespace, engine: Engine, options: Options, report: Report) -> None:
    """Writes --out. InvalidInput when it cannot begin, or cannot go on: then --resume does, later."""
    output = Output(arguments.out if arguments.shard is None else arguments.shard.of(arguments.out))
    output.prepare()
    if output.exists():
        if not arguments.resume:
            raise InvalidInput(f"{output.name} exists: remove it, or choose another --out")
        if not output.journal.exists():
            report.note(f"{output.name} is complete already")
            return
    models = engine.document_models()
    settings = _settings(arguments, options, models)
    with closing(Journal(output.journal, settings, resume=arguments.resume)) as journal:
        journal.add(_listed(arguments, report))
        try:
            pages_per_s = _work(arguments, options, journal, report)
        except KeyboardInterrupt:
            done = journal.totals()
            report.note(f"stopped with {done.done:,} of {done.files:,} files done: --resume goes on")
            raise
        except Stamp2vecError:
            if not journal.totals().pages:  # nothing to go on with: what is wrong is likely in the command
                journal.remove()
            raise
        if engine.document_models() != models:
            raise InvalidInput("the gateway changed its models in the middle of the work: start again")
        embedder = next((info for info in models if info.task is Task.EMBED), None) if options.include_vectors else None
        output.write(
            _rows(journal, None if embedder is None else embedder.reference),
            0 if embedder is None else embedder.vector_size,
            {f"stamp2vec.{name}": json.dumps(value) for name, value in settings.items()},
        )
        totals = journal.totals()
        journal.remove()
    report.failures += totals.errors
    report.note(
        f"wrote {output.name}: {counted(totals.files, 'file')}, {counted(totals.pages, 'page')}, "
        f"{counted(totals.stamps, 'stamp')}, {counted(totals.errors, 'error')}; {pages_per_s:,.1f} pages/s"
    )


def _work(arguments: Namespace, options: Options, journal: Journal, report: Report) -> float:
    """Reads all that is not done; the rate in pages a second."""
    totals = journal.totals()
    left = totals.files - totals.done
    jobs = arguments.jobs or (GATEWAY_JOBS if arguments.gateway else len(os.sched_getaffinity(0)))
    chosen = {name: getattr(arguments, name) for name in _ENGINE_OPTIONS}
    workers = [Worker(chosen, dataclasses.asdict(options), arguments.timeout) for _ in range(min(jobs, left))]
    progress = Progress(report.stream, totals.files, totals.done)
    with closing(progress), closing(Workers(workers).results(journal.work())) as batches:
        for batch in batches:
            journal.keep(batch)
            progress.add(
                files=sum(isinstance(each, DoneFile) for each in batch),
                pages=sum(isinstance(each, DonePage) for each in batch),
            )
        return progress.pages_per_s


def _listed(arguments: Namespace, report: Report) -> Iterator[tuple[str, str]]:
    """Names and paths of the files of this shard."""
    for source in find(arguments.files, report, root=arguments.root, recursive=arguments.recursive):
        if arguments.shard is None or arguments.shard.has(source.name):
            yield source.name, source.path


def _rows(journal: Journal, model: str | None) -> Iterator[table.Row]:
    for file in journal.records():
        yield from table.rows(file, model)


def _settings(arguments: Namespace, options: Options, models: list[ModelInfo]) -> Mapping[str, object]:
    """What the rows of one table have in common. The password is none of it: it must not lie on a disk."""
    asked = dataclasses.asdict(options)
    del asked["password"]
    used = [info.reference for info in models if options.include_vectors or info.task is not Task.EMBED]
    shard = None if arguments.shard is None else f"{arguments.shard.index}/{arguments.shard.count}"
    return {"version": __version__, "options": asked, "models": used, "shard": shard}
