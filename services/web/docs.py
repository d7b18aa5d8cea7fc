"""/docs: Swagger UI from the files of a package, so that a browser asks no other host for anything."""

from importlib import resources

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

routes = APIRouter(include_in_schema=False)

_HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # its elements have styles of their own
            "img-src 'self' blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# Everything is named relative to the page, which may be below the path of a proxy.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stamp2vec: HTTP</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,  // a host of others
});
"""


@routes.get("/docs")
async def _page() -> Response:
    return Response(_PAGE, headers=_HEADERS, media_type="text/html")


@routes.get("/docs/start.js")
async def _start() -> Response:
    return Response(_START, headers=_HEADERS, media_type="text/javascript")


@routes.get("/docs/swagger-ui-bundle.js")
async def _script() -> Response:
    return _file("swagger-ui-bundle.js", "text/javascript")


@routes.get("/docs/swagger-ui.css")
async def _style() -> Response:
    return _file("swagger-ui.css", "text/css")


def _file(name: str, media_type: str) -> Response:
    """Of swagger-ui-dist as fastapi-swagger has it, of which nothing else is used."""
    path = str(resources.files("fastapi_swagger.resources").joinpath(name))
    return FileResponse(path, headers=_HEADERS, media_type=media_type)
