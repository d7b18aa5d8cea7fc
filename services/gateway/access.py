"""Who may call the gateway, and how much."""

from pathlib import Path

from services.gateway.settings import GatewaySettings
from services.runtime.security.access import Access
from services.runtime.security.limits import CallerLimits, Limits
from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import read_tokens
from services.scopes import SCOPES, scope_of


def access(settings: GatewaySettings) -> Access | None:
    """As the settings say; None where they name neither tokens nor limits. Raises InvalidFile."""
    limits = Limits(
        settings.caller_rate,
        settings.caller_burst,
        settings.caller_calls,
        settings.caller_pages,
        settings.caller_mib * 2**20,
    )
    if not (settings.tokens or limits.rate or limits.in_work or limits.pages or limits.size):
        return None
    path = Path(settings.tokens)
    tokens = Reloading([path], lambda: read_tokens(path, SCOPES)) if settings.tokens else None
    return Access(tokens, scope_of, CallerLimits(limits))
