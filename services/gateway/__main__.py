"""`python -m services.gateway`: see `--help`."""

import sys

from services.gateway.app import Gateway
from services.gateway.settings import GatewaySettings
from services.runtime.serving import settings
from services.runtime.serving.server import main

if __name__ == "__main__":
    chosen = settings.load(GatewaySettings, "python -m services.gateway")
    sys.exit(main(Gateway(chosen), chosen))
