"""Who may call which method, and how much of it: what an interceptor asks at the begin of every call."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from services.runtime.observability import logs
from services.runtime.security.limits import CallerLimits
from services.runtime.security.refusals import NotPermitted, Reason
from services.runtime.security.reloading import Reloading
from services.runtime.security.tokens import Caller, Tokens
from stamp2vec.turns import owner

ADMIN = "admin"
"""The scope that allows every method."""

_PORT = re.compile(r":\d+$")


def address(peer: str) -> str:
    """Of what gRPC calls a peer, without its port."""
    return _PORT.sub("", peer)


def authorized(tokens: Tokens, metadata: Mapping[str, str | bytes], method: str, scope: str) -> Caller:
    """Who calls a method that needs a scope; the name is in the log from now on. CallerRefused for one who may not."""
    caller = tokens.caller(metadata)
    logs.caller.set(caller.name)
    if caller.scopes.isdisjoint({scope, ADMIN}):
        raise NotPermitted(
            Reason.NO_SCOPE,
            f"the token {caller.name} lacks the scope {scope}, which {method} needs: use a token that has it",
        )
    return caller


class Access:
    """One for each server."""

    def __init__(self, tokens: Reloading[Tokens] | None, scope_of: Callable[[str], str], limits: CallerLimits) -> None:
        """Without `tokens` everybody may call every method; `scope_of` gives the scope of "/package.Service/Method"."""
        self._tokens, self._scope_of, self._limits = tokens, scope_of, limits

    @contextmanager
    def admit(self, method: str, metadata: Mapping[str, str | bytes], peer: str) -> Iterator[None]:
        """One call, from here to the end of the `with`; its caller's name is in the log. CallerRefused when not."""
        if self._tokens is None:
            name = address(peer)
        else:
            name = authorized(self._tokens.current(), metadata, method, self._scope_of(method)).name
        owner.set(name)
        with self._limits.enter(name):
            yield
