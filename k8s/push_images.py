"""`python k8s/push_images.py ENGINE IMAGE...`: pushes images, and writes their digests where kustomizations use them.

An image is REGISTRY/detector or REGISTRY/detector-cuda; it replaces the one of the same last name.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def pin(kustomization: str, image: str, digest: str) -> str:
    """The text of a kustomization with this image and digest where it fixes an image of the same last name."""
    name = re.escape(image.rpartition("/")[2])
    return re.sub(rf"(newName: )\S+/{name}\n( +digest: )\S+", rf"\g<1>{image}\n\g<2>{digest}", kustomization)


def push(engine: str, image: str) -> str:
    """ "sha256:..." of what the registry has now."""
    if engine == "buildah":
        with tempfile.NamedTemporaryFile("r") as digest:
            subprocess.run([engine, "push", "--digestfile", digest.name, image], check=True)
            return digest.read().strip()
    subprocess.run([engine, "push", image], check=True)
    inspect = [engine, "inspect", "--format", "{{index .RepoDigests 0}}", image]
    return subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip().rpartition("@")[2]


def main(engine: str, images: Sequence[str]) -> None:
    """Rewrites the kustomizations."""
    for image in images:
        digest = push(engine, image)
        for path in FOLDER.rglob("kustomization.yaml"):
            path.write_text(pin(path.read_text(), image, digest))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
