"""Who may call the gateway: its scopes, and the method that each of them is for."""

from pathlib import Path

from services.gateway.settings import GatewaySettings
from services.runtime.security.access import ADMIN, Access
from services.runtime.security.limits import CallerLimits
from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import read_tokens

SCOPES = ("analyse", "registry-read", "registry-write", ADMIN)
"""All that a token may have."""

_SCOPE_OF_SERVICE = {"stamp2vec.v1.StampService": "analyse"}


def scope_of(method: str) -> str:
    """The scope that "/package.Service/Method" needs: `admin` where nobody has given it another."""
    return _SCOPE_OF_SERVICE.get(method.split("/")[1], ADMIN)


def access(settings: GatewaySettings) -> Access | None:
    """As the settings say; None where they name neither tokens nor limits. Raises InvalidFile."""
    if not (settings.tokens or settings.caller_rate or settings.caller_calls):
        return None
    path = Path(settings.tokens)
    tokens = Reloading([path], lambda: read_tokens(path, SCOPES)) if settings.tokens else None
    limits = CallerLimits(settings.caller_rate, settings.caller_burst, settings.caller_calls)
    return Access(tokens, scope_of, limits)
