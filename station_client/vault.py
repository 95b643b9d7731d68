"""The key vault of a home: which clerks can unlock it, and how often somebody may guess.

`vault.json` holds the key slots: random ids, salts, wrapped keys and guess counters; no name, no
label. Whoever steals the folder may read it, and opens nothing. Knows the folder and the key store;
not the database, not who the clerks are.
"""

import hashlib
import math
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import structs

from station_client.device_secret import DeviceSecret, Mode, find_or_create
from station_client.errors import StationError
from station_client.home import Home, coded, read_if_there, replace_durably, sync_folder
from station_client.key_slot import (
    FREE_TRIES,
    ID_BYTES,
    KEY_BYTES,
    ClerkSlot,
    check_secret,
    has_sound_lengths,
    seconds_to_wait,
    unwrap,
    wait_after,
    wrap,
)
from sync_protocol.errors import UNREADABLE

FORMAT = 1
"""Of `vault.json`. A new kind of slot is a new format: no program rewrites what it cannot read."""
MOST_CLERKS = 8
"""A desk has one or two; without a chosen clerk an unlock tries every slot, 0.1 s each."""


class Slots(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: Mode
    slots: Annotated[list[ClerkSlot], msgspec.Meta(min_length=1, max_length=MOST_CLERKS)]


class SlotsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`checksum`: SHA-256 of `vault` as written. It stops no attacker; it tells a damaged file from
    a mistyped PIN, which the wrap alone cannot."""

    format: int
    checksum: str
    vault: msgspec.Raw


@dataclass(frozen=True)
class Unlocked:
    """Who unlocked (16 bytes), and the raw database key (32 bytes)."""

    clerk_id: bytes
    data_key: bytes = field(repr=False)


class Vault:
    """The slots of one home. Threads may share it: guesses are checked one after the other."""

    def __init__(
        self,
        home: Home,
        slots: Slots,
        find_device: Callable[[], DeviceSecret],
        now: Callable[[], float],
    ) -> None:
        self._home = home
        self._slots = slots
        self._find_device = find_device
        self._now = now
        self._one_at_a_time = threading.RLock()

    @classmethod
    def create(
        cls,
        home: Home,
        clerk_id: bytes,
        secret: str,
        device: DeviceSecret,
        *,
        now: Callable[[], float] = time.time,
    ) -> "tuple[Vault, bytes]":
        """A new vault with one clerk, and its new random database key (32 bytes).

        Errors: vault.exists (nothing is overwritten), those of `check_secret`, those of writing.
        """
        if home.vault.exists():
            raise StationError("vault.exists")
        check_secret(secret, device.mode)
        vault = cls(home, Slots(device.mode, []), lambda: device, now)
        data_key = secrets.token_bytes(KEY_BYTES)
        vault.add_slot(Unlocked(clerk_id, data_key), clerk_id, secret)
        return vault, data_key

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        find_device: Callable[[], DeviceSecret] | None = None,
        now: Callable[[], float] = time.time,
    ) -> "Vault":
        """The vault of this home; the key store is asked at each unlock, not here.

        Errors: vault.missing, vault.damaged, vault.newer_format, vault.unknown_suite.
        """
        return cls(
            home, _read(home), find_device or (lambda: find_or_create(home.id, create=False)), now
        )

    @property
    def mode(self) -> Mode:
        """What the clerks type: a PIN beside the key store's secret, or a passphrase alone."""
        return self._slots.mode

    def clerk_ids(self) -> list[bytes]:
        """The clerks (16 bytes each) in the order of their slot numbers."""
        return [bytes.fromhex(slot.clerk_id) for slot in self._slots.slots]

    def slot_number(self, clerk_id: bytes) -> int:
        """The small number a clerk is shown by before unlock: 工作人员 1, 2.

        Error: vault.unknown_clerk.
        """
        return self._slot_of(clerk_id).number

    def unlock(self, secret: str, clerk_id: bytes | None = None) -> Unlocked:
        """The database key, by the secret of one clerk, or of whichever clerk it fits.

        The guess is on the disk before it is checked, so that ending the program gives no free one.
        Errors: vault.wrong_pin (tries_left), vault.locked_out (seconds_to_wait, minutes_to_wait),
        vault.ambiguous_clerk, vault.unknown_clerk, vault.device_secret_missing.
        """
        with self._one_at_a_time:
            device = self._device()
            asked = [self._slot_of(clerk_id)] if clerk_id is not None else self._slots.slots
            tried = self._count_guess(asked)
            found = [
                (slot, key) for slot in tried if (key := unwrap(slot, secret, device)) is not None
            ]
            if not found:
                raise self._wrong(tried)
            self._forgive(tried, {slot.slot_id for slot, _ in found}, asked)
            if len(found) > 1:
                raise StationError("vault.ambiguous_clerk")
            [(slot, data_key)] = found
            return Unlocked(bytes.fromhex(slot.clerk_id), data_key)

    def add_slot(self, unlocked: Unlocked, clerk_id: bytes, secret: str) -> None:
        """Let another clerk (16 bytes) unlock with a secret of their own.

        Errors: vault.clerk_exists, vault.full, those of `check_secret`,
        vault.device_secret_missing.
        """
        if len(clerk_id) != ID_BYTES:
            raise ValueError(f"a clerk id has {ID_BYTES} bytes, not {len(clerk_id)}")
        check_secret(secret, self.mode)
        with self._one_at_a_time:
            if clerk_id in self.clerk_ids():
                raise StationError("vault.clerk_exists")
            if len(self._slots.slots) >= MOST_CLERKS:
                raise StationError("vault.full", limit=MOST_CLERKS)
            taken = {slot.number for slot in self._slots.slots}
            number = next(n for n in range(1, MOST_CLERKS + 1) if n not in taken)
            slot = wrap(number, clerk_id, unlocked.data_key, secret, self._device())
            self._write([*self._slots.slots, slot])

    def remove_slot(self, clerk_id: bytes) -> None:
        """Take a clerk's slot away. Errors: vault.unknown_clerk, vault.last_clerk."""
        with self._one_at_a_time:
            leaver = self.check_may_remove(clerk_id)
            self._write([slot for slot in self._slots.slots if slot != leaver])

    def check_may_remove(self, clerk_id: bytes) -> ClerkSlot:
        """The slot that would go. Errors: vault.unknown_clerk, vault.last_clerk."""
        leaver = self._slot_of(clerk_id)
        if len(self._slots.slots) == 1:
            raise StationError("vault.last_clerk")
        return leaver

    def change_secret(self, clerk_id: bytes, old: str, new: str) -> None:
        """Give a clerk another PIN or passphrase. Errors: those of `unlock` and `check_secret`."""
        check_secret(new, self.mode)
        with self._one_at_a_time:
            unlocked = self.unlock(old, clerk_id)
            number = self.slot_number(clerk_id)
            self._replace([wrap(number, clerk_id, unlocked.data_key, new, self._device())])

    def destroy(self) -> None:
        """Make the database unreadable for ever: every wrapped key is written over, then removed.

        A copy of the file elsewhere opens nothing once the key store has forgotten, too. Errors:
        home.disk_full, home.file_refused.
        """
        with self._one_at_a_time:
            path = self._home.vault
            with coded(path):
                with path.open("r+b") as file:
                    file.write(secrets.token_bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
            sync_folder(path.parent)

    def _device(self) -> DeviceSecret:
        if self.mode == "passphrase":
            return DeviceSecret("insecure")
        device = self._find_device()
        if device.mode != "keystore":
            raise StationError("vault.device_secret_missing", reason=device.reason())
        return device

    def _slot_of(self, clerk_id: bytes) -> ClerkSlot:
        for slot in self._slots.slots:
            if slot.clerk_id == clerk_id.hex():
                return slot
        raise StationError("vault.unknown_clerk")

    def _count_guess(self, asked: list[ClerkSlot]) -> list[ClerkSlot]:
        """The slots that may be tried now, this guess already counted in them and written."""
        now = self._now()
        # A wait begins anew where the clock shows a time before it began: setting it back gains
        # nothing, and a clock that was wrong once and then put right costs one wait, not a year.
        # Setting it forward ends a wait, but the count stays and the next wait is longer.
        asked = [structs.replace(slot, last_try=min(slot.last_try, now)) for slot in asked]
        tried = [
            structs.replace(slot, failures=slot.failures + 1, last_try=now)
            for slot in asked
            if not seconds_to_wait(slot, now)
        ]
        self._replace([*asked, *tried])
        if not tried:
            raise _locked_out(min(seconds_to_wait(slot, now) for slot in asked))
        return tried

    def _wrong(self, tried: list[ClerkSlot]) -> StationError:
        tries_left = max(FREE_TRIES - slot.failures for slot in tried)
        if tries_left > 0:
            return StationError("vault.wrong_pin", tries_left=tries_left)
        return _locked_out(min(wait_after(slot.failures) for slot in tried))

    def _forgive(self, tried: list[ClerkSlot], opened: set[str], before: list[ClerkSlot]) -> None:
        """Clear the counter of what opened; what did not was not guessed at, and is as before.

        Only its own: or a clerk could guess at a colleague's PIN for ever between own unlocks.
        """
        was = {slot.slot_id: slot for slot in before}
        self._replace(
            [
                structs.replace(slot, failures=0) if slot.slot_id in opened else was[slot.slot_id]
                for slot in tried
            ]
        )

    def _replace(self, changed: list[ClerkSlot]) -> None:
        by_number = {slot.number: slot for slot in changed}
        self._write([by_number.get(slot.number, slot) for slot in self._slots.slots])

    def _write(self, slots: list[ClerkSlot]) -> None:
        new = Slots(self._slots.mode, sorted(slots, key=lambda slot: slot.number))
        body = msgspec.json.encode(new)
        file = SlotsFile(FORMAT, hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
        replace_durably(self._home.vault, msgspec.json.encode(file))
        self._slots = new


def _locked_out(seconds: float) -> StationError:
    return StationError(
        "vault.locked_out",
        seconds_to_wait=math.ceil(seconds),
        minutes_to_wait=math.ceil(seconds / 60),
    )


def is_lost(home: Home) -> bool:
    """Whether there is data that only a vault which is gone could open: no folder to set up."""
    return home.database.exists() and not home.vault.exists()


def _read(home: Home) -> Slots:
    content = read_if_there(home.vault)
    if content is None:
        raise StationError("vault.lost" if is_lost(home) else "vault.missing", file=home.vault)
    try:
        slots = _decode(content)
    except UNREADABLE:
        slots = None
    if slots is None or not all(has_sound_lengths(slot) for slot in slots.slots):
        raise StationError("vault.damaged", file=home.vault)
    return slots


def _decode(content: bytes) -> Slots | None:
    file = msgspec.json.decode(content, type=SlotsFile)
    if file.format != FORMAT:
        raise StationError("vault.newer_format")
    if hashlib.sha256(file.vault).hexdigest() != file.checksum:
        return None
    return msgspec.json.decode(file.vault, type=Slots)
