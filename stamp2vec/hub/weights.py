"""Where weights come from: bundled with the library, a folder, or an HTTP server; checked before they are read."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stamp2vec.errors import MissingExtra, ModelNotFound, WeightsError
from stamp2vec.files import write_whole
from stamp2vec.hub.download import download
from stamp2vec.hub.manifest import Manifest
from stamp2vec.hub.signatures import KEY, SIGNATURE, SIGNATURE_BYTES, check_signature, is_needed
from stamp2vec.values import Preset, Task

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "model.safetensors"
GRAPH = "model.onnx"
MANIFEST = "manifest.json"

# Inside the wheel, and in a checkout. Below them: <name>/<version>/.
BUNDLED = (Path(__file__).parents[1] / "weights", Path(__file__).parents[2] / "weights")

_MAX_WEIGHTS_BYTES = 4 * 2**30
_MAX_GRAPH_BYTES = 2**24
_MAX_MANIFEST_BYTES = 2**20
_BUNDLED_NAME = re.compile(r"(?P<name>[a-z0-9-]+)(@(?P<version>[0-9.]+))?")
# https://huggingface.co/docs/safetensors : names of the kinds of numbers.
_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
_PICKLE_ADVICE = "a pickle can run any code and is never loaded: convert it with stamp2vec.hub.save"


def load(reference: str | Path) -> tuple[Manifest, dict[str, np.ndarray]]:
    """Load weights whose bytes have the checksum that their manifest names; `reference` and errors as for `find`.

    MissingExtra where safetensors is not installed.
    """
    folder = find(reference)
    manifest = read_manifest(folder)
    path = folder / WEIGHTS
    return manifest, _parsed(_checked(path, _MAX_WEIGHTS_BYTES, manifest.sha256), str(path))


def graph(folder: Path, manifest: Manifest) -> Path:
    """The ONNX graph of a model in a folder, which is of its safetensors file, both checked.

    WeightsError when one of the two is missing or has another checksum than its manifest names.
    """
    _checked(folder / WEIGHTS, _MAX_WEIGHTS_BYTES, manifest.sha256)
    _checked(folder / GRAPH, _MAX_GRAPH_BYTES, manifest.graph_sha256)
    return folder / GRAPH


def find(reference: str | Path) -> Path:
    """The folder of a model, for `read_manifest` and, as a Path, for `load`.

    `reference` is the name of a bundled model (`yolo-stamp`: its highest version; `yolo-stamp@1.0.0`), a folder
    (`./yolo-stamp`, or any Path), or the http(s) address of a folder, whose files are then fetched into the cache.

    Raises ModelNotFound when there is no such model; WeightsError when its files are missing, damaged, or no
    safetensors.
    """
    if isinstance(reference, str):
        if reference.startswith(("http://", "https://")):
            return _fetched(reference)
        if named := _BUNDLED_NAME.fullmatch(reference):
            return _bundled_folder(named["name"], named["version"])
    return _plain_folder(Path(reference))


def read_manifest(folder: Path) -> Manifest:
    """What is known of the model in a folder.

    WeightsError when its manifest is missing or wrong, or has not the signature that `check_signature` asks for.
    """
    data = _read(folder / MANIFEST, _MAX_MANIFEST_BYTES)
    if is_needed():
        check_signature(data, _signature(folder / SIGNATURE), str(folder / MANIFEST))
    try:
        return Manifest.from_json(data)
    except WeightsError as error:
        raise WeightsError(f"{folder}: {error}") from error


def bundled() -> list[Manifest]:
    """Every model that comes with the library, by name, the latest version of each first."""
    manifests = []
    for path in (path for root in BUNDLED for path in root.glob(f"*/*/{MANIFEST}")):
        manifest = read_manifest(path.parent)
        if path.parts[-3:-1] != (manifest.name, manifest.version):
            raise WeightsError(f"{path} is of {manifest.reference}: put it into {manifest.name}/{manifest.version}/")
        manifests.append(manifest)
    manifests.sort(key=lambda manifest: manifest.version_order, reverse=True)
    return sorted(manifests, key=lambda manifest: manifest.name)


def bundled_names(task: Task) -> tuple[str, ...]:
    """The names of all bundled models that do a task: what a service serves by default."""
    return tuple(dict.fromkeys(manifest.name for manifest in bundled() if manifest.task == task))


def for_preset(task: Task, preset: Preset) -> Manifest:
    """The bundled model that does a task for a preset, in its latest version. ModelNotFound when there is none."""
    manifests = [manifest for manifest in bundled() if manifest.task == task]
    for manifest in manifests:
        if preset in manifest.presets:
            return manifest
    others = sorted({name for manifest in manifests for name in manifest.presets})
    raise ModelNotFound(f"no model to {task} has the preset {preset}: there is {', '.join(others) or 'none at all'}")


def save(folder: str | Path, manifest: Manifest, state: "Mapping[str, Tensor | np.ndarray]") -> Manifest:
    """Write a folder that `load` takes, each file whole or not at all; returns the manifest with its checksum."""
    from safetensors.numpy import save as serialize

    data = serialize({name: _array(values) for name, values in state.items()})
    complete = dataclasses.replace(manifest, sha256=_sha256(data), graph_sha256="", graph_precision="")
    write_whole(Path(folder) / WEIGHTS, data)
    (Path(folder) / GRAPH).unlink(missing_ok=True)  # of other weights
    write_whole(Path(folder) / MANIFEST, complete.to_json().encode())
    return complete


def save_graph(folder: str | Path, data: bytes, precision: str = "") -> Manifest:
    """Adds the ONNX graph of the weights that `save` wrote into a folder; returns the manifest with its checksum.

    `precision` as in Manifest.
    """
    known = read_manifest(Path(folder))
    manifest = dataclasses.replace(known, graph_sha256=_sha256(data), graph_precision=precision)
    write_whole(Path(folder) / GRAPH, data)
    write_whole(Path(folder) / MANIFEST, manifest.to_json().encode())
    return manifest


def _array(values: "Tensor | np.ndarray") -> np.ndarray:
    if isinstance(values, np.ndarray):
        array = values
    else:  # numpy knows no bfloat16
        array = (values.float() if str(values.dtype) == "torch.bfloat16" else values).detach().cpu().numpy()
    return np.ascontiguousarray(array).reshape(array.shape)  # the former makes (1,) of a number


def _bundled_folder(name: str, version: str | None) -> Path:
    manifests = [manifest for manifest in bundled() if manifest.name == name]
    if not manifests:
        known = ", ".join(sorted({manifest.name for manifest in bundled()})) or "none"
        raise ModelNotFound(f"no model is named {name!r}: bundled are {known}; for a folder write ./{name}")
    for manifest in manifests:
        if version in (None, manifest.version):
            folders = (root / name / manifest.version for root in BUNDLED)
            return next(folder for folder in folders if folder.is_dir())
    versions = ", ".join(manifest.version for manifest in manifests)
    raise ModelNotFound(f"{name} has no version {version!r}: there is {versions}")


def _plain_folder(folder: Path) -> Path:
    if folder.suffix.lower() in _PICKLES:
        raise WeightsError(f"{folder}: {_PICKLE_ADVICE}")
    if folder.is_file():
        raise WeightsError(f"{folder} is a file: name the folder that holds {WEIGHTS} and {MANIFEST}")
    if not folder.is_dir():
        raise ModelNotFound(f"there is no folder {folder}: check the path, or name a bundled model such as yolo-stamp")
    weights = folder / WEIGHTS
    if not weights.is_file() and (pickles := [file.name for file in folder.iterdir() if file.suffix in _PICKLES]):
        raise WeightsError(f"{folder} holds {pickles[0]} and no {WEIGHTS}: {_PICKLE_ADVICE}")
    return folder


def _fetched(address: str) -> Path:
    """The manifest comes from the server every time, the rest only when the cache lacks its checksum."""
    data = download(address, MANIFEST, _MAX_MANIFEST_BYTES)
    signature = download(address, SIGNATURE, SIGNATURE_BYTES) if is_needed() else None
    if signature is not None:
        check_signature(data, signature, f"{MANIFEST} at {address}")
    manifest = Manifest.from_json(data)
    folder = _cache() / manifest.sha256
    _fetch(address, folder / WEIGHTS, _MAX_WEIGHTS_BYTES, manifest.sha256)
    if manifest.graph_sha256:
        _fetch(address, folder / GRAPH, _MAX_GRAPH_BYTES, manifest.graph_sha256)
    for name, content in ((SIGNATURE, signature), (MANIFEST, data)):
        path = folder / name
        if content is not None and not (path.is_file() and path.read_bytes() == content):
            write_whole(path, content)
    return folder


def _fetch(address: str, path: Path, limit: int, sha256: str) -> None:
    if path.is_file() and _sha256(_read(path, limit)) == sha256:
        return
    data, source = download(address, path.name, limit), f"{path.name} at {address}"
    _check(data, sha256, source)
    if path.name == WEIGHTS:
        _refuse_pickle(data, source)
    write_whole(path, data)


def _cache() -> Path:
    """Below XDG_CACHE_HOME where that is set (XDG Base Directory Specification 0.8), else below ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stamp2vec"


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise WeightsError(f"{path} has more than {limit:,} bytes: it is no model of this library")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): fetch or save the model again") from error


def _signature(path: Path) -> bytes:
    if not path.is_file():
        raise WeightsError(
            f"{path} is missing, and {KEY} asks for it: fetch the model from whoever signs it, or sign it"
        )
    return _read(path, SIGNATURE_BYTES)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _checked(path: Path, limit: int, sha256: str) -> bytes:
    data = _read(path, limit)
    _check(data, sha256, str(path))
    return data


def _check(data: bytes, sha256: str, source: str) -> None:
    if (found := _sha256(data)) != sha256:
        raise WeightsError(
            f"{source} is damaged or is not the file that its manifest means: its sha256 is {found}, "
            f"{sha256} was expected. Fetch the model again"
        )


def _parsed(data: bytes, source: str) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, read-only; WeightsError, with the remedy, when it cannot be parsed."""
    try:
        from safetensors import SafetensorError, deserialize
    except ImportError as error:
        raise MissingExtra("reading weights", "local", error) from error
    try:
        tensors: list[tuple[str, Mapping[str, Any]]] = deserialize(data)  # type: ignore[no-untyped-call]
        return {name: _numbers(tensor["dtype"], tensor["data"]).reshape(tensor["shape"]) for name, tensor in tensors}
    except (SafetensorError, ValueError, KeyError) as error:
        _refuse_pickle(data, source)
        raise WeightsError(f"{source} is no safetensors file ({error}): save it with stamp2vec.hub.save") from error


def _refuse_pickle(data: bytes, source: str) -> None:
    """A zip archive is what torch.save writes; protocol 2 and later of pickle begin with 0x80."""
    if data.startswith((b"PK\x03\x04", b"\x80")):
        raise WeightsError(f"{source} is no safetensors file: {_PICKLE_ADVICE}")


def _numbers(kind: str, data: bytes) -> np.ndarray:
    """Little-endian numbers; bfloat16, which numpy does not know, as float32. ValueError for another kind."""
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind not in _KINDS:
        raise ValueError(f"it has numbers of the kind {kind[:16]}")
    return np.frombuffer(data, _KINDS[kind])
