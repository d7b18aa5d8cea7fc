"""mosec: `python -m bench.peers.servers.mosec`."""

import mosec

from bench.peers.job import Job, Work


class Model(mosec.Worker):  # type: ignore[misc]  # it is in build/peers
    """Raw pixels in, raw float32 numbers out."""

    def __init__(self) -> None:
        self._job = Job.from_environment()
        self._work = Work(self._job)

    def deserialize(self, data: bytes) -> bytes:
        """Of the request's body."""
        return data

    def serialize(self, data: bytes) -> bytes:
        """To the response's body."""
        return data

    def forward(self, data: list[bytes] | bytes) -> list[bytes] | bytes:
        """A batch, or one picture where the server makes no batches."""
        if isinstance(data, list):
            return [answer.tobytes() for answer in self._work.answers(data)]
        return self._work.answers([data])[0].tobytes()


if __name__ == "__main__":
    job = Job.from_environment()
    server = mosec.Server()
    wait_ms = 0 if job.max_wait_ms is None else max(job.max_wait_ms, 1)  # its 0 is its default, 10
    server.append_worker(Model, num=job.instances, max_batch_size=job.max_batch, max_wait_time=wait_ms)
    server.run()
