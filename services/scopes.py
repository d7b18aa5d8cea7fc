"""The scopes of tokens, and the method that each of them is for."""

from services.runtime.security.access import ADMIN

ANALYSE = "analyse"

SCOPES = (ANALYSE, "registry-read", "registry-write", ADMIN)
"""All that a token may have."""

_SCOPE_OF_SERVICE = {"stamp2vec.v1.StampService": ANALYSE}


def scope_of(method: str) -> str:
    """The scope that "/package.Service/Method" needs: `admin` where nobody has given it another."""
    return _SCOPE_OF_SERVICE.get(method.split("/")[1], ADMIN)
