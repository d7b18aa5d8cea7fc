#!/usr/bin/env bash
# pypdfium2 5.15.2: save() into a stream that cannot be written returns as if all were well.
# Guess: what the stream's write() raises comes out of save(), at the latest as PdfiumError.
# Seen: save() returns, for a small document and for one that is written in several pieces; nothing has been written.
#   The exception of write() is printed to stderr and lost.
# So: save into a BytesIO and write its bytes yourself, or count what arrived; do not trust that save() returned.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pypdfium2==5.15.2
python <<'PY' 2> stderr
import pypdfium2
from check import check


class Full:
    """A disk without space."""

    calls = 0

    def write(self, data):
        self.calls += 1
        raise OSError("No space left on device")


for pages in (1, 2000):
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(200, 200).close()
    disk, outcome = Full(), "returned"
    try:
        document.save(disk)
    except Exception as error:
        outcome = type(error).__name__
    check(f"save() of {pages} pages", outcome, "returned")
    check("    write() was called and raised", disk.calls > 0, True)
PY
grep -c "No space left" stderr | sed 's/^/lines on stderr that say so: /'
