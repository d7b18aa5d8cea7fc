"""What a caller of the gateway imports: `Client(address).analyze(document)`, or the same with `AsyncClient`."""

from stamp2vec.client.aio import AsyncClient
from stamp2vec.client.client import Client
from stamp2vec.errors import ServiceError

__all__ = ["AsyncClient", "Client", "ServiceError"]
