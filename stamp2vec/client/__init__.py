"""What a caller of the gateway imports: `Client(address).analyze(document)`."""

from stamp2vec.client.client import Client
from stamp2vec.client.failures import ServiceError

__all__ = ["Client", "ServiceError"]
