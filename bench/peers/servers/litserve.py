"""LitServe: `python -m bench.peers.servers.litserve`."""

from typing import Annotated

import litserve
import numpy as np
from fastapi import Body, Response

from bench.peers.job import REQUEST_TIMEOUT_S, Answer, Job, Work

Pixels = Annotated[bytes, Body(media_type="application/octet-stream")]


class Model(litserve.LitAPI):  # type: ignore[misc]  # it is in build/peers
    """Raw pixels in, raw float32 numbers out; the numbers cross its processes as they are."""

    def setup(self, device: str) -> None:
        """In each worker."""
        self._work = Work(Job.from_environment())

    def decode_request(self, request: Pixels) -> bytes:
        """Its annotation is that of the endpoint: without one LitServe takes JSON."""
        return request

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        """By default it stacks arrays."""
        return inputs

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        """An answer for each."""
        return output

    def predict(self, x: list[bytes] | bytes) -> list[Answer] | Answer:
        """A batch, or one picture where the server makes no batches."""
        return self._work.answers(x) if isinstance(x, list) else self._work.answers([x])[0]

    def encode_response(self, output: Answer) -> Response:
        """Bytes, not JSON."""
        return Response(np.asarray(output, np.float32).tobytes(), media_type="application/octet-stream")


if __name__ == "__main__":
    job = Job.from_environment()
    model = Model(max_batch_size=job.max_batch, batch_timeout=(job.max_wait_ms or 0) / 1000)
    server = litserve.LitServer(model, accelerator="cpu", workers_per_device=job.instances, timeout=REQUEST_TIMEOUT_S)
    server.run(host="127.0.0.1", port=job.port, num_api_servers=1, generate_client_file=False, log_level="warning")
