"""`python -m services.stack.child SERVICE PARENT ...`: runs `python -m services.SERVICE ...`, to end with its parent.

The parent cannot arrange this itself between fork and exec: gRPC's threads do not survive a plain fork.
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """PARENT is the process id of the process that starts this."""
    service, parent, *arguments = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # the parent has ended already
        return
    sys.argv[1:] = arguments
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
