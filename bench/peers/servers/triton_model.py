"""The model of Triton's Python backend."""

from typing import Any

import triton_python_backend_utils as backend

from bench.peers.job import INPUT, OUTPUT, Job, Work


class TritonPythonModel:
    """Each request has one picture; the server forms the batch, and each gets a response of its own."""

    def initialize(self, args: dict[str, str]) -> None:
        """In each instance."""
        self._work = Work(Job.from_environment())

    def execute(self, requests: list[Any]) -> list[Any]:
        """A batch."""
        pictures = [backend.get_input_tensor_by_name(request, INPUT).as_numpy().data for request in requests]
        return [
            backend.InferenceResponse([backend.Tensor(OUTPUT, answer[None])]) for answer in self._work.answers(pictures)
        ]
