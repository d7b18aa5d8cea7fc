"""Bearer tokens (RFC 6750): a file of their names, digests and scopes.

A line is a name, the SHA-256 of the token in hexadecimal, and its scopes, parted by commas:

    archive  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  analyse,registry-read

Empty lines and those that begin with # do not count. Two lines may have one name: so a token is replaced without a gap.
A digest without salt is enough because a token is random, which a password is not.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.runtime.security.refusals import NotAuthenticated, Reason
from services.runtime.security.reloading import InvalidFile, read_file

AUTHORIZATION_KEY = "authorization"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # it is in every line of the log of its calls
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BEARER = re.compile(r"bearer +([!-~]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as its token says."""

    name: str
    scopes: frozenset[str]


def bearer(metadata: Mapping[str, str | bytes]) -> str | None:
    """The token that comes with a call; None where none does."""
    match = _BEARER.fullmatch(str(metadata.get(AUTHORIZATION_KEY, "")))
    return match[1] if match else None


class Tokens:
    """All that are known."""

    def __init__(self, callers: Mapping[bytes, Caller]) -> None:
        """`callers` by the SHA-256 of their token."""
        self._callers = callers

    def caller(self, metadata: Mapping[str, str | bytes]) -> Caller:
        """Whose token comes with a call. Raises NotAuthenticated."""
        token = bearer(metadata)
        if token is None:
            text = "this service needs a token: send `authorization: Bearer TOKEN` with each call"
            raise NotAuthenticated(Reason.NO_TOKEN, text)
        given = hashlib.sha256(token.encode()).digest()
        found = None
        for digest, caller in self._callers.items():  # all of them, in a time that does not tell which was near
            if hmac.compare_digest(digest, given):
                found = caller
        if found is None:
            text = "the token is not known here: check it, or ask for a new one where it was issued"
            raise NotAuthenticated(Reason.WRONG_TOKEN, text)
        return found


def read_tokens(path: Path, scopes: Collection[str]) -> Tokens:
    """The tokens of a file, which may have these scopes. Raises InvalidFile, which repeats no digest."""
    callers: dict[bytes, Caller] = {}
    lines = read_file("--tokens", path).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        digest, caller = _parsed(line, f"--tokens {path}, line {number}", scopes)
        if digest in callers:
            raise InvalidFile(f"--tokens {path}, line {number}, repeats the token of another line: remove one")
        callers[digest] = caller
    if not callers:
        raise InvalidFile(f"--tokens {path} has no token: put one into it, or start without --tokens")
    return Tokens(callers)


def _parsed(line: str, where: str, known: Collection[str]) -> tuple[bytes, Caller]:
    parts = line.split()
    if len(parts) != 3:
        raise InvalidFile(f"{where}, has {len(parts)} parts: write NAME SHA256 SCOPE,SCOPE")
    name, digest, scopes = parts
    if not _NAME.fullmatch(name):
        raise InvalidFile(f"{where}, has no name: write 1 to 64 of A-Z a-z 0-9 . _ -")
    if not _DIGEST.fullmatch(digest):
        raise InvalidFile(f"{where}, has no SHA-256 digest: write 64 of 0-9 a-f, such as sha256sum prints")
    given = frozenset(scopes.split(","))
    if not given <= set(known):
        raise InvalidFile(f"{where}, has an unknown scope: write some of {','.join(known)}")
    return bytes.fromhex(digest), Caller(name, given)
