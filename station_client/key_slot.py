"""One key slot: the database key wrapped under one clerk's PIN or passphrase.

    slot key = HKDF-SHA256(Argon2id(PIN or passphrase) ‖ device secret);  wrap = AES-256-GCM

Which secrets are good enough, how one opens a slot, how long to wait after wrong ones. Values in,
values out: no files, no clock, no key store.
"""

import secrets
import struct
import unicodedata
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import structs

from station_client.device_secret import DeviceSecret, Mode
from station_client.errors import StationError

SUITE = 1
"""Argon2id (64 MiB, 3 passes), HKDF-SHA256, AES-256-GCM. Another suite is another number."""
ARGON2_MEMORY_KIB = 64 * 1024
ARGON2_PASSES = 3
LANES = 1
"""Not more: OpenSSL runs further lanes in a thread pool of the whole process, and derivations that
meet there from several threads wait for each other for ever (seen with cryptography 50.0.2)."""
MOST_LANES = 4
KEY_BYTES = 32
ID_BYTES = 16
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16

SHORTEST_PIN = 6
SHORTEST_PASSPHRASE = 10

FREE_TRIES = 5
WAITS_SECONDS = (60, 5 * 60, 15 * 60, 60 * 60)
"""How long to wait after the fifth wrong try in a row, the sixth, …; the last one repeats."""

Hex16 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class ClerkSlot(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="clerk"
):
    """The database key wrapped for one clerk. Binary values are base64 in the file.

    `kind` leaves room for slots that no clerk opens, such as one sealed to the county.
    """

    number: Annotated[int, msgspec.Meta(ge=1)]
    slot_id: Hex16
    clerk_id: Hex16
    suite: int
    salt: bytes
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MOST_LANES)]
    nonce: bytes
    wrapped_key: bytes
    failures: Annotated[int, msgspec.Meta(ge=0)] = 0
    last_try: float = 0.0


def check_secret(secret: str, mode: Mode) -> None:
    """Refuse a new PIN or passphrase that is too easily guessed.

    Errors: vault.pin_not_digits, vault.pin_too_short, vault.passphrase_too_short,
    vault.secret_too_simple.
    """
    typed = _as_typed(secret)
    if mode == "passphrase" and len(typed) < SHORTEST_PASSPHRASE:
        raise StationError("vault.passphrase_too_short", shortest=SHORTEST_PASSPHRASE)
    if mode == "keystore" and not (typed.isascii() and typed.isdigit()):
        raise StationError("vault.pin_not_digits", shortest=SHORTEST_PIN)
    if mode == "keystore" and len(typed) < SHORTEST_PIN:
        raise StationError("vault.pin_too_short", shortest=SHORTEST_PIN)
    if _is_simple(typed):
        raise StationError("vault.secret_too_simple")


def _is_simple(typed: str) -> bool:
    upwards = "0123456789" * (len(typed) // 10 + 2)
    return len(set(typed)) == 1 or typed in upwards or typed in upwards[::-1]


def _as_typed(secret: str) -> str:
    # A Chinese input method may give full-width digits and letters for the same keys.
    return unicodedata.normalize("NFKC", secret)


def seconds_to_wait(slot: ClerkSlot, now: float) -> float:
    """Until the slot may be tried again; both times in seconds of the same clock."""
    return max(0.0, slot.last_try + wait_after(slot.failures) - now)


def wait_after(failures: int) -> int:
    """Seconds to wait after so many wrong tries in a row."""
    if failures < FREE_TRIES:
        return 0
    return WAITS_SECONDS[min(failures - FREE_TRIES, len(WAITS_SECONDS) - 1)]


def wrap(
    number: int, clerk_id: bytes, data_key: bytes, secret: str, device: DeviceSecret
) -> ClerkSlot:
    """A new slot for the clerk (16 bytes) around the database key (32 bytes)."""
    slot = ClerkSlot(
        number=number,
        slot_id=secrets.token_hex(ID_BYTES),
        clerk_id=clerk_id.hex(),
        suite=SUITE,
        salt=secrets.token_bytes(SALT_BYTES),
        lanes=LANES,
        nonce=secrets.token_bytes(NONCE_BYTES),
        wrapped_key=b"",
    )
    cipher = AESGCM(_slot_key(slot, secret, device))
    wrapped_key = cipher.encrypt(slot.nonce, data_key, _bound_to(slot, device.mode))
    return structs.replace(slot, wrapped_key=wrapped_key)


def unwrap(slot: ClerkSlot, secret: str, device: DeviceSecret) -> bytes | None:
    """The database key, or None if the secret or the device is not the slot's."""
    cipher = AESGCM(_slot_key(slot, secret, device))
    try:
        return cipher.decrypt(slot.nonce, slot.wrapped_key, _bound_to(slot, device.mode))
    except InvalidTag:
        return None


def _slot_key(slot: ClerkSlot, secret: str, device: DeviceSecret) -> bytes:
    stretched = Argon2id(
        salt=slot.salt,
        length=KEY_BYTES,
        iterations=ARGON2_PASSES,
        lanes=slot.lanes,
        memory_cost=ARGON2_MEMORY_KIB,
    ).derive(_as_typed(secret).encode("utf-8", "surrogatepass"))
    info = f"bianmin vault {SUITE} {device.mode}".encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(stretched + device.secret)


def _bound_to(slot: ClerkSlot, mode: Mode) -> bytes:
    ids = bytes.fromhex(slot.slot_id + slot.clerk_id)
    return ids + struct.pack(">H", slot.suite) + mode.encode()


def has_sound_lengths(slot: ClerkSlot) -> bool:
    """Whether the binary values have the lengths of the suite. Error: vault.unknown_suite."""
    if slot.suite != SUITE:
        raise StationError("vault.unknown_suite", suite=slot.suite)
    lengths = (len(slot.salt), len(slot.nonce), len(slot.wrapped_key))
    return lengths == (SALT_BYTES, NONCE_BYTES, KEY_BYTES + TAG_BYTES)
