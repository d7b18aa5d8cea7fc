"""The program `stamp2vec`: its commands find, analyze, segment, embed, erase, compare, models, mcp and app."""

import os
import sys
import warnings
from collections.abc import Sequence

from stamp2vec.cli.arguments import parse
from stamp2vec.cli.engine import connect
from stamp2vec.cli.report import Report
from stamp2vec.errors import Stamp2vecError

OK, SOME_FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 for success, 1 when some files failed, 2 when the whole command failed."""
    arguments = parse(argv)
    report = Report(sys.stderr)
    # A damaged file gets a line of its own where it fails; Pillow's warnings on it would add more.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with connect(arguments) as engine:
            arguments.run(arguments, engine, report)
        sys.stdout.flush()
    except Stamp2vecError as error:
        report.note(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader of the pipe has closed it. Python would raise this once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        report.close()
    return SOME_FAILED if report.failures else OK
