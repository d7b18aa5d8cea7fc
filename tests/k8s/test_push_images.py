"""What `make images` builds, and what `make push-images` writes into the overlays."""

import re
import runpy
import subprocess

import pytest
import yaml

from services.table import MODEL_SERVICE_NAMES
from tests.k8s.manifests import K8S, ROOT

DIGEST = "sha256:" + "5" * 64


@pytest.mark.parametrize(("image", "overlay", "others"), [("detector", "cpu", 3), ("detector-cuda", "gpu", 3)])
def test_an_image_is_fixed_where_it_is_used(image: str, overlay: str, others: int) -> None:
    pin = runpy.run_path(str(K8S / "push_images.py"))["pin"]
    before = (K8S / "overlays" / overlay / "kustomization.yaml").read_text()
    after = yaml.safe_load(pin(before, f"registry.test/team/{image}", DIGEST))["images"]
    changed = [each for each in after if each not in yaml.safe_load(before)["images"]]
    assert changed == [{"name": "stamp2vec/detector", "newName": f"registry.test/team/{image}", "digest": DIGEST}]
    assert len(after) - len(changed) == others


def test_images_that_an_overlay_does_not_fix_stay() -> None:
    pin = runpy.run_path(str(K8S / "push_images.py"))["pin"]
    local = (K8S / "overlays/local/kustomization.yaml").read_text()
    assert pin(local, "registry.test/team/detector", DIGEST) == local


def test_an_image_is_built_of_every_service() -> None:
    """The Makefile takes their names out of the source of the table."""
    command = ["make", "--dry-run", "images", "ENGINE=docker"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert re.findall(r"--target (\S+)", done.stdout) == ["gateway", "web", "bulk", *MODEL_SERVICE_NAMES]
