"""Weights from folders and from a real HTTP server; what cannot be trusted is refused and says why."""

import dataclasses
import hashlib
import pickle
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from stamp2vec import hub
from stamp2vec.errors import ModelNotFound, WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Preset, Task
from tests.library.test_manifest import MANIFEST

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(3)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hub.save(tmp_path / "model", MANIFEST, STATE)
    return tmp_path / "model"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stamp2vec"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder and remembers what was asked for."""

    def __init__(self, *args: Any, requests: list[str], **options: Any) -> None:
        self.requests = requests
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path.startswith("/to-file"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path.startswith("/broken"):
            self.send_error(503)
        elif self.path.startswith("/short"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{}")
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        """Keep the tests quiet."""


class Server:
    """A real server on a free port of loopback."""

    def __init__(self, root: Path) -> None:
        self.requests: list[str] = []
        handler = partial(Handler, requests=self.requests, directory=str(root))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.close()


def put(folder: Path, data: bytes) -> None:
    """Weights of any content whose checksum is right."""
    (folder / hub.WEIGHTS).write_bytes(data)
    sealed = dataclasses.replace(MANIFEST, sha256=hashlib.sha256(data).hexdigest())
    (folder / hub.MANIFEST).write_text(sealed.to_json())


def test_what_was_saved_is_loaded(folder: Path) -> None:
    for reference in (folder, str(folder)):
        manifest, state = hub.load(reference)
        assert manifest == dataclasses.replace(MANIFEST, sha256=manifest.sha256)
        assert (state["weight"] == STATE["weight"].numpy()).all()
        assert (state["bias"] == STATE["bias"].numpy()).all()


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool])
def test_numbers_of_any_kind_are_loaded(tmp_path: Path, kind: torch.dtype) -> None:
    """As `safetensors.torch` writes them; bfloat16 as the float32 that it is the upper half of."""
    values = torch.tensor([[1.5, -2.25, 0.0]]).to(kind)
    (tmp_path / hub.MANIFEST).write_text("")
    put(tmp_path, safetensors.torch.save({"values": values, "one": values[0, 0].clone()}))
    _, state = hub.load(tmp_path)
    expected = values.float() if kind is torch.bfloat16 else values
    np.testing.assert_array_equal(state["values"], expected.numpy())
    assert state["values"].dtype == expected.numpy().dtype
    assert state["one"].shape == ()


def test_bfloat16_is_saved_as_float32(tmp_path: Path) -> None:
    values = torch.tensor([1.5, -2.25]).bfloat16()
    hub.save(tmp_path, MANIFEST, {"values": values})
    np.testing.assert_array_equal(hub.load(tmp_path)[1]["values"], values.float().numpy())


def test_saving_leaves_two_files_and_nothing_else(folder: Path) -> None:
    hub.save(folder, MANIFEST, STATE)
    assert sorted(file.name for file in folder.iterdir()) == [hub.MANIFEST, hub.WEIGHTS]


def test_a_wrong_checksum_is_an_error_before_the_file_is_parsed(folder: Path) -> None:
    (folder / hub.WEIGHTS).write_bytes(b"\x80\x04garbage")
    with pytest.raises(WeightsError, match=r"sha256 is .*Fetch the model again"):
        hub.load(folder)


class Bomb:
    """Unpickling it fails the test."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_never_loaded(folder: Path) -> None:
    put(folder, pickle.dumps({"weight": Bomb()}))
    with pytest.raises(WeightsError, match=r"no safetensors file: a pickle can run any code and is never loaded"):
        hub.load(folder)


def test_what_torch_saves_is_never_loaded(folder: Path) -> None:
    torch.save(STATE, folder / "model.pt")
    put(folder, (folder / "model.pt").read_bytes())
    assert zipfile.is_zipfile(folder / hub.WEIGHTS)
    with pytest.raises(WeightsError, match=r"never loaded: convert it with stamp2vec\.hub\.save"):
        hub.load(folder)
    (folder / hub.WEIGHTS).unlink()
    with pytest.raises(WeightsError, match=r"holds model\.pt and no model\.safetensors"):
        hub.load(folder)


@pytest.mark.parametrize("name", ["model.pt", "weights/best.pth", "pytorch_model.bin", "last.ckpt", "x.pkl"])
def test_a_reference_to_a_pickle_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is never loaded"):
        hub.load(tmp_path / name)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 8 + b"{}", bytes(64), (10**9).to_bytes(8, "little") + b"{}"])
def test_what_is_no_safetensors_is_an_error(data: bytes, folder: Path) -> None:
    put(folder, data)
    with pytest.raises(WeightsError, match="no safetensors file"):
        hub.load(folder)


def test_missing_files_are_errors_that_name_them(folder: Path) -> None:
    with pytest.raises(WeightsError, match="is a file: name the folder"):
        hub.load(folder / hub.WEIGHTS)
    (folder / hub.WEIGHTS).unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors cannot be read"):
        hub.load(folder)
    (folder / hub.MANIFEST).unlink()
    with pytest.raises(WeightsError, match=r"manifest\.json cannot be read"):
        hub.load(folder)
    with pytest.raises(ModelNotFound, match="there is no folder"):
        hub.load(folder / "nothing")


def test_names_are_looked_up_among_the_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.weights, "BUNDLED", (tmp_path / "missing", tmp_path))
    for version in ("1.9.0", "1.10.0", "0.9.9"):
        manifest = dataclasses.replace(MANIFEST, version=version)
        hub.save(tmp_path / "yolo-stamp" / version, manifest, {"v": torch.tensor(manifest.version_order)})
    assert [manifest.version for manifest in hub.bundled()] == ["1.10.0", "1.9.0", "0.9.9"]
    assert hub.load("yolo-stamp")[0].version == "1.10.0"
    assert hub.load("yolo-stamp@1.9.0")[1]["v"].tolist() == [1, 9, 0]
    assert hub.for_preset(Task.DETECT, Preset.FAST).version == "1.10.0"
    with pytest.raises(ModelNotFound, match=r"no version '2\.0\.0': there is 1\.10\.0, 1\.9\.0, 0\.9\.9"):
        hub.load("yolo-stamp@2.0.0")
    with pytest.raises(ModelNotFound, match=r"bundled are yolo-stamp; for a folder write \./yolo"):
        hub.load("yolo")
    with pytest.raises(ModelNotFound, match="no model to detect has the preset accurate: there is fast"):
        hub.for_preset(Task.DETECT, Preset.ACCURATE)
    with pytest.raises(ModelNotFound, match="no model to embed has the preset fast: there is none at all"):
        hub.for_preset(Task.EMBED, Preset.FAST)
    (tmp_path / "yolo-stamp" / "1.9.0").rename(tmp_path / "yolo-stamp" / "3.0.0")
    with pytest.raises(WeightsError, match=r"put it into yolo-stamp/1\.9\.0/"):
        hub.bundled()


def test_a_served_folder_is_fetched_once(folder: Path, server: Server, cache: Path) -> None:
    address = f"{server.address}/model/?token=1"
    manifest, state = hub.load(address)
    assert (state["weight"] == STATE["weight"].numpy()).all()
    assert server.requests == ["/model/manifest.json?token=1", "/model/model.safetensors?token=1"]
    assert hub.load(address)[0] == manifest
    assert server.requests[2:] == ["/model/manifest.json?token=1"]
    assert hub.load(cache / manifest.sha256)[0] == manifest
    assert sorted(file.name for file in (cache / manifest.sha256).iterdir()) == [hub.MANIFEST, hub.WEIGHTS]


def test_a_model_is_found_without_being_loaded(folder: Path, server: Server, cache: Path) -> None:
    assert hub.find(str(folder)) == folder
    found = hub.find(f"{server.address}/model")
    assert found.parent == cache
    assert hub.read_manifest(found) == hub.read_manifest(folder) == hub.load(found)[0]


def test_a_new_manifest_of_the_same_weights_replaces_that_in_the_cache(
    folder: Path, server: Server, cache: Path
) -> None:
    old, _ = hub.load(f"{server.address}/model")
    new = dataclasses.replace(old, threshold=old.threshold / 2)
    (folder / hub.MANIFEST).write_text(new.to_json())
    assert hub.load(f"{server.address}/model")[0] == new
    assert server.requests[2:] == ["/model/manifest.json"]


def test_a_damaged_cache_is_replaced(folder: Path, server: Server, cache: Path) -> None:
    manifest, _ = hub.load(f"{server.address}/model")
    (cache / manifest.sha256 / hub.WEIGHTS).write_bytes(b"damaged")
    assert (hub.load(f"{server.address}/model")[1]["weight"] == STATE["weight"].numpy()).all()
    assert hub.load(cache / manifest.sha256)[0] == manifest


def test_nothing_untrusted_enters_the_cache(folder: Path, server: Server, cache: Path) -> None:
    (folder / hub.WEIGHTS).write_bytes(b"changed on the way")
    with pytest.raises(WeightsError, match="sha256"):
        hub.load(f"{server.address}/model")
    put(folder, pickle.dumps({"weight": Bomb()}))
    with pytest.raises(WeightsError, match="never loaded"):
        hub.load(f"{server.address}/model")
    assert not cache.exists()


def test_a_served_manifest_cannot_name_a_path(folder: Path, server: Server, cache: Path) -> None:
    hostile = (
        (folder / hub.MANIFEST)
        .read_text()
        .replace(Manifest.from_json((folder / hub.MANIFEST).read_text()).sha256, "../../x")
    )
    (folder / hub.MANIFEST).write_text(hostile)
    with pytest.raises(WeightsError, match="sha256 must be 64"):
        hub.load(f"{server.address}/model")


def test_large_files_are_refused(folder: Path, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.weights, "_MAX_WEIGHTS_BYTES", 64)
    with pytest.raises(WeightsError, match="more than 64 bytes"):
        hub.load(f"{server.address}/model")
    with pytest.raises(WeightsError, match="more than 64 bytes"):
        hub.load(folder)


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("/nothing", ModelNotFound, "does not exist: check the address"),
        ("/broken", WeightsError, "answered 503"),
        ("/short", WeightsError, "broke off after 2 of 1,000 bytes"),
        ("/to-file", WeightsError, "answered 302|cannot be fetched"),
    ],
)
def test_server_errors(path: str, kind: type[Exception], message: str, server: Server, cache: Path) -> None:
    with pytest.raises(kind, match=message):
        hub.load(server.address + path)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "http://", "https://127.0.0.1:port/x"])
def test_addresses_that_lead_nowhere(address: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be fetched"):
        hub.load(address)


def test_an_address_that_is_none(cache: Path) -> None:
    with pytest.raises(WeightsError, match="is no address"):
        hub.load("http://[::1")
