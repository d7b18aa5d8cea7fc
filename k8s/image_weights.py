"""`python image_weights.py OUT`: the bundled models as OUT/<task>/<name>/<version>, for an image of each task.

Exits with 1 when the checksum of weights differs from their manifest.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from stamp2vec import hub


def main(out: Path) -> int:
    """The exit code."""
    for manifest in hub.bundled():
        folder = hub.find(manifest.reference)
        with (folder / hub.WEIGHTS).open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
        if found != manifest.sha256:
            print(f"{folder} is damaged: its sha256 is {found}, {manifest.sha256} was expected", file=sys.stderr)
            return 1
        shutil.copytree(folder, out / manifest.task / manifest.name / manifest.version)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
