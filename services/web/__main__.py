"""`python -m services.web`: see `--help`."""

import sys

from services.runtime.serving import settings
from services.web.server import main
from services.web.settings import WebSettings

if __name__ == "__main__":
    sys.exit(main(settings.load(WebSettings, "python -m services.web")))
