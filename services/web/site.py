"""The page for people who look at stamps: three files, served as they are, with what a browser may do with them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

_FOLDER = Path(__file__).parent / "page" / "static"
_FILES = {  # by their paths below the root, which the page names as relative to itself
    "": ("index.html", "text/html; charset=utf-8"),
    "page/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "page/style.css": ("style.css", "text/css; charset=utf-8"),
    "page/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",  # asked for each time, and sent only where it has changed: its parts must fit
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: dict[str, str]

    async def __call__(self, request: Request) -> Response:
        """The file, or that the browser has it already."""
        if self.headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self.headers)
        return Response(self.content, headers=self.headers)


def site() -> APIRouter:
    """The routes of the page, whose files are read now."""
    routes = APIRouter(include_in_schema=False)
    for path, (name, kind) in _FILES.items():
        content = (_FOLDER / name).read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        file = _File(content, {**_HEADERS, "content-type": kind, "etag": etag})
        routes.add_api_route(f"/{path}", file.__call__, methods=["GET", "HEAD"], name=name)
    return routes
