"""`python -m services.segmenter`: see `--help`."""

import sys
from dataclasses import dataclass

from services.runtime import settings
from services.runtime.server import main
from services.runtime.settings import ModelServerSettings, setting
from services.segmenter.servicer import app
from stamp2vec.manifest import Task
from stamp2vec.serving import bundled_models


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings(ModelServerSettings):
    """The segmenter."""

    port: int = setting(50052, "gRPC port; 0 takes a free one and says which.", at_least=0, at_most=65535)
    metrics_port: int = setting(9102, "Port of /metrics; 0 takes a free one and says which.", at_least=0, at_most=65535)
    model: tuple[str, ...] = setting(
        bundled_models(Task.SEGMENT),
        "A model to serve: a name, name@version, a folder or a URL. Repeat it to serve several.",
    )


if __name__ == "__main__":
    chosen = settings.load(SegmenterSettings, "python -m services.segmenter")
    sys.exit(main(app(chosen), chosen))
