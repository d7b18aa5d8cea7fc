"""The protocol's own client, which starts `stamp2vec mcp` as an assistant's program does."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult

from tests.e2e.live import ROOT, TIMEOUT_S, Running


@asynccontextmanager
async def assistant(folder: Path, gateway: str | None, *options: str) -> AsyncIterator[Client]:
    """It may read `folder`, in which it is started. Without a gateway the bundled models run in its process."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "stamp2vec.cli", "mcp", "--root", ".", *(["--gateway", gateway] if gateway else []), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
    )
    async with Client(stdio_client(server), read_timeout_seconds=TIMEOUT_S) as client:
        yield client


def target(services: Running) -> str:
    """The address of the gateway."""
    return services.stack.address("gateway").target


def text(result: CallToolResult) -> str:
    """What the assistant reads first."""
    assert result.content[0].type == "text"
    return result.content[0].text
