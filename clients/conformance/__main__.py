"""`python -m clients.conformance VECTORS [LANGUAGE]`: what is wrong with the replay that a client prints into it."""

import json
import sys
from pathlib import Path

from clients.conformance.compare import differences


def main() -> int:
    """The exit code: 0 when all is as expected, 1 when it is not, 2 for a wrong command line."""
    if len(sys.argv) not in (2, 3):
        print("usage: CLIENT replay VECTORS | python -m clients.conformance VECTORS [LANGUAGE]", file=sys.stderr)
        return 2
    cases = json.loads(Path(sys.argv[1]).read_text())["cases"]
    found = list(differences(cases, list(map(json.loads, sys.stdin)), *sys.argv[2:]))
    print("\n".join(found) if found else f"{len(cases)} cases are as expected")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
