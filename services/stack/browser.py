"""Opening the page in the browser of whoever started the services."""

import os
import sys
import webbrowser


def open_page(address: str) -> None:
    """Opens it where there is a display, else says where it is: a browser in the terminal would take the terminal."""
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not has_display or not webbrowser.open(address):
        print(f"no browser can be opened here: open {address}", file=sys.stderr, flush=True)
