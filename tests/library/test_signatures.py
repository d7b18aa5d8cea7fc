"""Models that have to be signed: with a key, a model of somebody else is refused wherever it is loaded from."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stamp2vec import hub
from stamp2vec.errors import ModelNotFound, WeightsError
from tests.conftest import require
from tests.library.test_hub import Server
from tests.library.test_manifest import MANIFEST

STATE = {"weight": np.arange(6, dtype=np.float32)}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    monkeypatch.setenv("STAMP2VEC_MODEL_KEY", str(tmp_path / "public.pem"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return key


@pytest.fixture
def model(tmp_path: Path) -> Path:
    hub.save(tmp_path / "served" / "model", MANIFEST, STATE)
    return tmp_path / "served" / "model"


def sign(model: Path, key: Ed25519PrivateKey) -> None:
    (model / "manifest.sig").write_bytes(key.sign((model / "manifest.json").read_bytes()))


def test_a_model_that_is_signed_is_loaded(model: Path, own: Ed25519PrivateKey) -> None:
    sign(model, own)
    manifest, state = hub.load(model)
    assert manifest.name == MANIFEST.name
    np.testing.assert_array_equal(state["weight"], STATE["weight"])


def test_a_model_without_a_signature_is_refused(model: Path, own: Ed25519PrivateKey) -> None:
    with pytest.raises(WeightsError, match=r"manifest\.sig is missing, and STAMP2VEC_MODEL_KEY asks for it"):
        hub.load(model)


def test_the_models_that_come_with_the_library_have_to_be_signed_too(own: Ed25519PrivateKey) -> None:
    with pytest.raises(WeightsError, match=r"manifest\.sig is missing"):
        hub.bundled()


def test_a_model_that_somebody_else_signed_is_refused(model: Path, own: Ed25519PrivateKey) -> None:
    sign(model, Ed25519PrivateKey.generate())
    with pytest.raises(WeightsError, match=r"is not signed by the key in .*public\.pem: its model is from"):
        hub.load(model)


def test_a_manifest_that_was_changed_is_refused(model: Path, own: Ed25519PrivateKey) -> None:
    sign(model, own)
    path = model / "manifest.json"
    path.write_text(path.read_text().replace('"threshold": 0', '"threshold": 1'))
    with pytest.raises(WeightsError, match="is not signed by the key"):
        hub.load(model)


def test_weights_that_were_changed_are_refused(model: Path, own: Ed25519PrivateKey) -> None:
    sign(model, own)
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match="is not the file that its manifest means"):
        hub.load(model)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65)])
def test_what_is_no_signature_is_refused(signature: bytes, model: Path, own: Ed25519PrivateKey) -> None:
    (model / "manifest.sig").write_bytes(signature)
    with pytest.raises(WeightsError, match=r"is not signed by the key|more than 64 bytes"):
        hub.load(model)


def _other_kind() -> bytes:
    public = generate_private_key(SECP256R1()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"nonsense", "holds no public key in PEM", id="nonsense"),
        pytest.param(_private(), "holds no public key in PEM", id="private"),
        pytest.param(_other_kind(), "is not Ed25519", id="of another kind"),
    ],
)
def test_a_key_that_cannot_be_used_is_an_error(
    key: bytes | None, message: str, model: Path, own: Ed25519PrivateKey, tmp_path: Path
) -> None:
    sign(model, own)
    if key is None:
        (tmp_path / "public.pem").unlink()
    else:
        (tmp_path / "public.pem").write_bytes(key)
    with pytest.raises(WeightsError, match=f"STAMP2VEC_MODEL_KEY: .*{message}"):
        hub.load(model)


def test_a_served_model_is_checked_before_it_is_kept(model: Path, own: Ed25519PrivateKey, tmp_path: Path) -> None:
    server = Server(model.parent)
    try:
        with pytest.raises(ModelNotFound, match=r"manifest\.sig does not exist"):
            hub.load(f"{server.address}/model")
        sign(model, Ed25519PrivateKey.generate())
        with pytest.raises(WeightsError, match="is not signed by the key"):
            hub.load(f"{server.address}/model")
        assert not (tmp_path / "cache").exists()
        sign(model, own)
        assert hub.load(f"{server.address}/model")[0].name == MANIFEST.name
        assert hub.load(f"{server.address}/model")[0].name == MANIFEST.name
    finally:
        server.close()


def test_openssl_signs_as_the_documentation_says(model: Path, own: Ed25519PrivateKey, tmp_path: Path) -> None:
    require("openssl", "apt-get install openssl")
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "private.pem").write_bytes(pem)
    key, manifest, signature = tmp_path / "private.pem", model / "manifest.json", model / "manifest.sig"
    files = {"-inkey": key, "-in": manifest, "-out": signature}
    command = ["openssl", "pkeyutl", "-sign", "-rawin", *(str(each) for option in files.items() for each in option)]
    subprocess.run(command, check=True)
    assert hub.load(model)[0].name == MANIFEST.name


def test_without_cryptography_the_extra_is_named(model: Path, own: Ed25519PrivateKey) -> None:
    sign(model, own)
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path; from stamp2vec import hub\n"
        f"hub.load(Path({str(model)!r}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "checking who signed a model needs the extra 'signed'" in result.stderr
