"""The files of the page, and what a browser may do with them."""

import re

import httpx

from tests.web.serving import alone


async def test_the_page_names_its_files_relative_to_itself() -> None:
    async with alone() as served:
        text = (await served.http.get("/")).text
        names = re.findall(r'(?:src|href)="([^"#]+)"', text)
        kinds = {name: (await served.http.get(f"/{name}")).headers["content-type"] for name in names}
    assert kinds == {
        "page/icon.svg": "image/svg+xml",
        "page/style.css": "text/css; charset=utf-8",
        "page/app.js": "text/javascript; charset=utf-8",
    }


async def test_a_browser_may_load_nothing_from_elsewhere() -> None:
    async with alone() as served:
        responses = [await served.http.get(path) for path in ("/", "/page/app.js", "/page/style.css")]
    for response in responses:
        policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"


async def test_a_file_is_sent_once_and_then_only_where_it_has_changed() -> None:
    async with alone() as served:
        first = await served.http.get("/page/app.js")
        etag = first.headers["etag"]
        again = await served.http.get("/page/app.js", headers={"if-none-match": etag})
        weak = await served.http.get("/page/app.js", headers={"if-none-match": f'"other", W/{etag}'})
        other = await served.http.get("/page/app.js", headers={"if-none-match": '"other"'})
        head = await served.http.head("/")
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")
    assert again.headers["etag"] == etag
    assert weak.status_code == httpx.codes.NOT_MODIFIED
    assert other.content == first.content
    assert (head.status_code, head.content) == (httpx.codes.OK, b"")


async def test_there_is_no_page_where_it_is_off() -> None:
    async with alone(page="off") as served:
        statuses = [(await served.http.get(path)).status_code for path in ("/", "/page/app.js")]
    assert statuses == [httpx.codes.NOT_FOUND] * 2
