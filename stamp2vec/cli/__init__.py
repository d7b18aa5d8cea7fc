"""What a person types: stamp2vec analyze, segment, embed, compare, models."""

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
    """Run one command; the exit code is 0 when all went well, 1 when some files failed, 2 when nothing could start."""
    arguments = parse(argv)
    report = Report(sys.stderr)
    # What Pillow remarks on a damaged file is said by the file's own line, if it matters.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with connect(arguments) as engine:
            arguments.run(arguments, engine, report)
        sys.stdout.flush()
    except Stamp2vecError as error:
        report.say(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader of a pipe has seen enough. Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        report.close()
    return SOME_FAILED if report.failures else OK
