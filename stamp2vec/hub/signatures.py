"""Who a model is from: signatures of manifests, which hold the checksums of all else.

A signature is 64 bytes of Ed25519 (RFC 8032) in `manifest.sig`, beside the manifest, as OpenSSL 3 makes and checks it:

    openssl pkeyutl -sign -inkey private.pem -rawin -in manifest.json -out manifest.sig
"""

import os
from pathlib import Path

from stamp2vec.errors import MissingExtra, WeightsError

SIGNATURE = "manifest.sig"
KEY = "STAMP2VEC_MODEL_KEY"
SIGNATURE_BYTES = 64
_MAX_KEY_BYTES = 2**16


def is_needed() -> bool:
    """Whether a key is named, by which all models have to be signed."""
    return bool(os.environ.get(KEY))


def check_signature(manifest: bytes, signature: bytes, source: str) -> None:
    """WeightsError where a manifest is not signed by the key in the PEM file that `STAMP2VEC_MODEL_KEY` names.

    MissingExtra where cryptography is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise MissingExtra("checking who signed a model", "signed", error) from error
    path = Path(os.environ[KEY])
    try:
        with path.open("rb") as file:
            key = load_pem_public_key(file.read(_MAX_KEY_BYTES))
    except OSError as error:
        raise WeightsError(
            f"{KEY}: {path} cannot be read ({error.strerror}): name a PEM file with a public key"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{KEY}: {path} holds no public key in PEM: make one with openssl pkey -pubout") from error
    if not isinstance(key, Ed25519PublicKey):
        raise WeightsError(f"{KEY}: the key in {path} is not Ed25519: make one with openssl genpkey -algorithm ed25519")
    try:
        key.verify(signature, manifest)
    except InvalidSignature as error:
        raise WeightsError(
            f"{source} is not signed by the key in {path}: its model is from somebody else, or was changed. "
            f"Fetch it again, or sign it if it is yours"
        ) from error
