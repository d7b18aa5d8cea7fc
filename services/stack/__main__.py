"""`python -m services.stack`: see `--help`."""

import argparse
import signal
import sys
from collections.abc import Collection
from pathlib import Path

from services.stack.browser import open_page
from services.stack.processes import ServiceDied, running
from services.stack.report import write
from stamp2vec.cli import tables
from stamp2vec.client import Client
from stamp2vec.errors import Stamp2vecError

_HOW_TO_CALL = """
Serving at {target}, and HTTP at {http}. Ctrl-C stops it. Metrics: {metrics}, and likewise on ports {others}.
Open {http}/ to look at the stamps of a document.

  stamp2vec analyze docs/sample/page.jpg --gateway {target}
  curl --form file=@docs/sample/page.jpg {http}/v1/analyze    # {http}/docs has the rest

  from stamp2vec.client import Client
  with Client("{target}") as client:
      result = client.analyze("docs/sample/page.jpg")
"""


def main() -> int:
    """The exit code: 0, 1 when something failed, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m services.stack", description="All services on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start them, analyse a document, stop them")
    run.add_argument("document", type=Path, help="a PDF, TIFF, JPEG, PNG or other picture")
    run.add_argument("--out", type=Path, default=Path("out"), help="folder for annotated pages, JSON and logs")
    serve = commands.add_parser("serve", help="start them and HTTP on their usual ports until Ctrl-C")
    serve.add_argument("--out", type=Path, default=Path("out"), help="folder for logs")
    serve.add_argument("--open", action="store_true", help="open the page in a browser")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an orderly end, as after Ctrl-C
    try:
        if chosen.command == "serve":
            return _serve(chosen.out, opens=chosen.open)
        return _run(chosen.document, chosen.out)
    except KeyboardInterrupt:
        return 0 if chosen.command == "serve" else 128 + signal.SIGINT
    except (ServiceDied, TimeoutError, Stamp2vecError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(path: Path, out: Path) -> int:
    try:
        document = path.read_bytes()
    except OSError as error:
        print(f"{path} cannot be read ({error.strerror}): name a file that can", file=sys.stderr)
        return 2
    with running({}, out / "logs", _Progress()) as stack, Client(stack.address("gateway").target) as client:
        result = client.analyze(document)
    print(tables.document(str(path), result))
    for page in result.pages:
        if page.error is not None:
            print(f"page {page.index + 1}: {page.error}", file=sys.stderr)
    for written in write(document, path.stem, result, out):
        print(f"wrote {written}")
    return 0


def _serve(out: Path, *, opens: bool) -> int:
    with running({}, out / "logs", _Progress(), free_ports=False) as stack:
        gateway = stack.address("gateway")
        stack.start_web(_Progress())
        web = stack.address("web")
        others = ", ".join(str(stack.address(name).metrics_port) for name in (*stack.model_services, "web"))
        text = _HOW_TO_CALL.format(
            target=gateway.target, http=f"http://{web.target}", metrics=gateway.metrics_url, others=others
        )
        print(text, flush=True)
        if opens:
            open_page(f"http://{web.target}/")
        stack.watch()
    return 0


class _Progress:
    """One line on stderr: rewritten in place on a terminal, else a line for each change."""

    def __init__(self) -> None:
        self._last: Collection[str] = ()

    def __call__(self, starting: Collection[str], elapsed_s: float) -> None:
        """See Progress in processes.py."""
        text = f"starting the {', '.join(starting)}"
        if sys.stderr.isatty():
            line = f"{text} ... {elapsed_s:.0f} s" if starting else ""
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif starting and starting != self._last:
            print(text, file=sys.stderr, flush=True)
        self._last = starting


if __name__ == "__main__":
    sys.exit(main())
