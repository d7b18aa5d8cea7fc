"""Long documents in the background: kept in memory, bounded in number, bytes and time."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import grpc
import grpc.aio

from services.runtime.batching.refusals import SHUTTING_DOWN
from services.runtime.serving.byte_budget import ByteBudget
from services.runtime.serving.errors import upstream_problem
from services.web.answers import State, document_json, streamed_page_json
from services.web.gateway import DocumentAnswer, Gateway, PageAnswer
from services.web.problems import Problem, Refused, problem
from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging.formats.selection import selected_pages
from stamp2vec.values import Preset

_AT_ONCE = 4  # more would only wait in the gateway, each with its document twice in memory
_LONGEST_S = 3600.0
_RETRY_S = 10.0
_DELETED = Refused(HTTPStatus.NOT_FOUND, "the job was deleted: send its document again")


class Job:
    """One document. `page_count` counts the pages that were asked for, None until it is known."""

    def __init__(self, owner: str, file: str, budget: ByteBudget) -> None:
        """`owner` is the caller that it belongs to."""
        self.owner = owner
        self.id = secrets.token_urlsafe(24)
        self.file = file
        self.state = State.QUEUED
        self.pages_done = 0
        self.page_count: int | None = None
        self.problem: Problem | None = None
        self.pages: list[bytes] = []
        """Each as JSON."""
        self.rest: dict[str, Any] = {}
        """All but the pages, once it is done."""
        self.expires_s: float | None = None
        """By time.time(), once it is done or has failed."""
        self.changed = asyncio.Event()
        """Set at the next update, and another then takes its place."""
        self.document_hold = budget.hold()
        self.result_hold = budget.hold()
        self.task: asyncio.Task[None] | None = None
        self.expiry: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is done or has failed."""
        return self.state in (State.DONE, State.FAILED)

    def update(self, state: State) -> None:
        """It has this state now, and whoever follows it is told."""
        self.state = state
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def status(self) -> dict[str, Any]:
        """A JobStatus."""
        return {
            "id": self.id,
            "file": self.file,
            "state": self.state,
            "pages_done": self.pages_done,
            "page_count": self.page_count,
            "problem": None if self.problem is None else self.problem.model_dump(),
            "expires_s": None if self.expires_s is None else max(0.0, round(self.expires_s - time.time(), 1)),
        }

    def result(self) -> bytes:
        """An AnalyzedDocument."""
        rest = json.dumps(self.rest).encode()
        return b"".join([b'{"pages":[', b",".join(self.pages), b"],", rest[1:]])


class Jobs:
    """All of them. Methods are of the event loop."""

    def __init__(self, gateway: Gateway, most: int, most_of_one: int, most_bytes: int, lifetime_s: float) -> None:
        """`most_of_one` is how many one caller may have; zero sets no limit."""
        self._gateway, self._most, self._lifetime_s = gateway, most, lifetime_s
        self._most_of_one = most_of_one or most
        self._budget = ByteBudget(most_bytes)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def held_bytes(self) -> int:
        """What they hold."""
        return self._budget.taken

    def submit(self, owner: str, file: str, content: bytes, preset: Preset, options: Options) -> Job:
        """A job that has begun, of the current call's caller. Raises Refused where there is no room for it."""
        job = Job(owner, file, self._budget)
        if sum(each.owner == owner for each in self._jobs.values()) >= self._most_of_one:
            text = f"you have {self._most_of_one} jobs, as many as may be: delete those whose results you have"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after_s=_RETRY_S)
        if len(self._jobs) >= self._most or not job.document_hold.try_take(len(content)):
            text = "there is no room for more jobs: delete those whose results you have, or send it again later"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after_s=_RETRY_S)
        self._jobs[job.id] = job
        job.task = asyncio.create_task(self._run(job, content, preset, options))
        return job

    def get(self, job_id: str, caller: str) -> Job:
        """Raises Refused for one that there is not, or no longer, and alike for one of another caller."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != caller:
            text = "there is no such job, or no longer: it was deleted, its time is over, or its server has ended"
            raise Refused(HTTPStatus.NOT_FOUND, text)
        return job

    def delete(self, job_id: str, caller: str) -> None:
        """Ends it, and lets go of all that it holds. Raises Refused as `get` does."""
        self._forget(self.get(job_id, caller))

    def close(self) -> None:
        """Ends all of them: who follows one is told, and nobody could fetch a result any more."""
        ending = Refused(HTTPStatus.SERVICE_UNAVAILABLE, SHUTTING_DOWN, retry_after_s=_RETRY_S)
        for job in list(self._jobs.values()):
            self._forget(job, ending)

    def _forget(self, job: Job, reason: Exception = _DELETED) -> None:
        if self._jobs.pop(job.id, None) is None:
            return
        if job.task:
            job.task.cancel()
        if job.expiry:
            job.expiry.cancel()
        if not job.is_over:
            job.problem = problem(reason)
            job.update(State.FAILED)
        job.document_hold.close()
        job.result_hold.close()

    async def _run(self, job: Job, content: bytes, preset: Preset, options: Options) -> None:
        state = State.FAILED
        try:
            async with self._turn:
                job.update(State.RUNNING)
                job.page_count = await self._count(content, preset, options)
                async for answer in self._pages(content, preset, options):
                    await self._take(job, answer)
                    job.update(State.RUNNING)
            state = State.DONE
        except Exception as error:
            job.problem = problem(error)
            job.pages.clear()
            job.result_hold.close()
        job.document_hold.close()
        job.expires_s = time.time() + self._lifetime_s
        job.expiry = asyncio.get_running_loop().call_later(self._lifetime_s, self._forget, job)
        job.update(state)

    async def _take(self, job: Job, answer: PageAnswer | DocumentAnswer) -> None:
        if isinstance(answer, DocumentAnswer):
            job.rest = document_json(job.file, answer)
            return
        line = await asyncio.to_thread(lambda: json.dumps(streamed_page_json(answer)).encode())
        if not job.result_hold.try_take(len(line)):
            text = "there is no room for the result: ask for fewer pages, or for no masks and crops"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after_s=_RETRY_S)
        job.pages.append(line)
        job.pages_done += 1

    async def _count(self, content: bytes, preset: Preset, options: Options) -> int | None:
        """How many pages are asked for. The gateway says at the end how many there are, so its first page is asked."""
        first = Options(include_vectors=False, pages="1", password=options.password)
        try:
            async for answer in self._pages(content, preset, first):
                if isinstance(answer, DocumentAnswer):
                    return len(selected_pages(options.pages, answer.result.page_count))
        except Stamp2vecError:  # of a page that may not be asked for; what is wrong with the file is said later
            return None
        return None

    async def _pages(
        self, content: bytes, preset: Preset, options: Options
    ) -> AsyncIterator[PageAnswer | DocumentAnswer]:
        """See Gateway. Where its caller's other jobs take all the calls that it may have, the job waits for them."""
        has_begun = False
        while True:
            try:
                async for answer in self._gateway.pages(content, preset, options, _LONGEST_S, bulk=True):
                    has_begun = True
                    yield answer
                return
            except grpc.aio.AioRpcError as error:
                if has_begun or error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                wait_s = upstream_problem(error).retry_after_s
                if wait_s is None:
                    raise
            await asyncio.sleep(wait_s)


async def states(job: Job, every_s: float) -> AsyncIterator[dict[str, Any]]:
    """Its status now, after each change and after `every_s` seconds without one, until it is over."""
    while True:
        changed = job.changed
        yield job.status()
        if job.is_over:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await changed.wait()
