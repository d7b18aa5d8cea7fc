"""Triton's server with its Python backend: `python -m bench.peers.servers.triton`, which becomes tritonserver.

nvidia-pytriton has the server as a wheel; its own way of serving, a proxy to another process, is not used.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytriton

from bench.peers.job import INPUT, OUTPUT, Job

_CONFIG = """name: "{job.model}"
backend: "python"
max_batch_size: {job.max_batch}
input [{{ name: "{INPUT}", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ] }}]
output [{{ name: "{OUTPUT}", data_type: TYPE_FP32, dims: [ -1 ] }}]
instance_group [{{ count: {job.instances}, kind: KIND_CPU }}]
dynamic_batching {{ max_queue_delay_microseconds: {delay} }}
"""
# The stub that runs it has a Python of its own inside, which reads no PYTHONPATH and knows no virtual environment.
_PYTHON = """import sys

sys.path[1:1] = {paths}
from bench.peers.servers.triton_model import TritonPythonModel
"""


def main() -> None:
    """Writes what the server reads, and becomes the server."""
    job = Job.from_environment()
    folder = Path(tempfile.mkdtemp(prefix="triton-"))
    model = folder / "models" / job.model
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(
        _CONFIG.format(job=job, INPUT=INPUT, OUTPUT=OUTPUT, delay=1000 * (job.max_wait_ms or 0))
    )
    packages = Path(pytriton.__file__).parents[1]
    (model / "1" / "model.py").write_text(_PYTHON.format(paths=[str(packages), os.getcwd()]))
    wheel = packages / "pytriton" / "tritonserver"
    shutil.copytree(wheel / "backends", folder / "backends")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy(wheel / "python_backend_stubs" / python / "triton_python_backend_stub", folder / "backends" / "python")
    libraries = {"LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs")}
    options = {
        "model-repository": folder / "models",
        "backend-directory": folder / "backends",
        "grpc-port": job.port,
        "grpc-address": "127.0.0.1",
        "allow-http": "false",
        "allow-metrics": "false",
    }
    program = str(wheel / "bin" / "tritonserver")
    os.execve(program, [program, *(f"--{name}={value}" for name, value in options.items())], os.environ | libraries)


if __name__ == "__main__":
    main()
