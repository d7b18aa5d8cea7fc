"""Tools for assistants, by the Model Context Protocol: `stamp2vec mcp`."""

import signal
from argparse import Namespace

from stamp2vec.cli.engine import Engine
from stamp2vec.cli.mcp.roots import Roots, WriteRoot
from stamp2vec.cli.report import Report
from stamp2vec.errors import MissingExtra


def serve(arguments: Namespace, engine: Engine, _: Report) -> None:
    """Answers on stdin and stdout until stdin ends.

    MissingExtra without `mcp`, InvalidInput for a wrong --root or --write-root.
    """
    try:
        from stamp2vec.cli.mcp.server import build
    except ImportError as error:
        raise MissingExtra("the server of tools", "mcp", error) from error
    roots = Roots(arguments.root or ["."])
    write_root = None if arguments.write_root is None else WriteRoot(arguments.write_root)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an exception would wait for the thread that waits for stdin
    build(engine, roots, write_root, arguments.password).run("stdio")
