"""Who may call over HTTP. What goes on to the gateway is the caller's own token, and nothing that this process has."""

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.runtime.security.access import authorized
from services.runtime.security.exposure import Exposed
from services.runtime.security.refusals import CallerRefused
from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import AUTHORIZATION_KEY, Tokens, bearer, read_tokens
from services.scopes import ANALYSE, SCOPES
from services.web.context import Here
from services.web.gateway import forwarded_token
from services.web.settings import WebSettings
from stamp2vec.client.connection import is_local

_SCHEME = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token with the scope `analyse`, where the services ask for tokens.",
)


def known_tokens(settings: WebSettings) -> Reloading[Tokens] | None:
    """Those by which callers are refused; None where the gateway alone checks them. Raises InvalidFile, or Exposed."""
    if not settings.tokens:
        return None
    if not (settings.upstream_ca or settings.insecure or is_local(settings.gateway)):
        raise Exposed(
            f"the tokens of callers would go to {settings.gateway} without TLS: set --upstream-ca, or --insecure where "
            "something else, such as a mesh, keeps them secret"
        )
    path = Path(settings.tokens)
    return Reloading([path], lambda: read_tokens(path, SCOPES))


async def authenticate(
    request: Request, here: Here, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)]
) -> str:
    """A name for whoever sends the token of a call, empty without one. CallerRefused for one who may not call."""
    metadata = {AUTHORIZATION_KEY: request.headers.get(AUTHORIZATION_KEY, "")}
    token = bearer(metadata)
    forwarded_token.set(token)
    if here.tokens is None:
        return hashlib.sha256(token.encode()).hexdigest() if token else ""
    try:
        route = f"{request.method} {request.scope['route'].path}"
        return authorized(here.tokens.current(), metadata, route, ANALYSE).name
    except CallerRefused as error:
        here.metrics.refused_calls.labels(error.reason.value).inc()
        raise


Caller = Annotated[str, Depends(authenticate)]
"""Of a call."""
