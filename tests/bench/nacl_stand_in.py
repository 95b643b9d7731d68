"""What the ceiling programme uses of PyNaCl's `nacl.signing`, over `cryptography`."""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Signed(NamedTuple):
    signature: bytes


class VerifyKey:
    def __init__(self, public: bytes) -> None:
        self._bytes = public
        self._key = Ed25519PublicKey.from_public_bytes(public)

    def __bytes__(self) -> bytes:
        return self._bytes

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


class SigningKey:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.verify_key = VerifyKey(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls()

    def sign(self, message: bytes) -> Signed:
        return Signed(self._key.sign(message))
