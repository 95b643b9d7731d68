"""The register of stations, their PCs and the one-time codes that enrolled them.

Knows no protocol step: keys, certificates and reports are stored as they are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from peewee import fn

from hub_server.errors import HubError
from hub_server.store.database import HubDatabase, Row, first_row, insert_many, run
from hub_server.store.tables import table, within
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor
from sync_protocol.exchange import Report

REQUESTS_KEPT = 1000
REQUESTS_BETWEEN = 64
"""Once in so many numbers the older ones are looked for, which takes counting all that are kept."""
STATIONS_PER_COUNTY = 999


@dataclass(frozen=True)
class Station:
    """One desk. `card` is the record id of its card in its channel; `state` open or closed."""

    code: str
    name: str
    region: str
    state: str
    channel: bytes
    card: bytes
    opened_at: int
    devices: int = 0


@dataclass(frozen=True)
class Replica:
    """One enrolled PC and what it last told. `standing` is "" or why nothing is delivered.

    `introduction`: of one that was minted, the message bytes that tie it to its enrolment;
    `parent`: the replica that minted it.
    """

    id: bytes
    enrolment: bytes
    station_code: str
    channel: bytes
    signing: bytes
    sealing: bytes
    device: str
    device_number: int
    standing: str
    certificate: bytes
    enrolled_at: int
    last_contact: int | None = None
    device_time: int | None = None
    own_seq: int = 0
    report: Report | None = None
    introduction: bytes | None = None
    parent: bytes | None = None


@dataclass(frozen=True)
class EnrolmentCode:
    """What is kept of a code: its id and the key that proves it, never its text."""

    id: bytes
    key: bytes
    station_code: str
    created_at: int
    expires_at: int
    failures: int = 0
    used_by: bytes | None = None


class Stations:
    """Stations, replicas, requests, countersignatures and codes."""

    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._stations = table(database, "station")
        self._replicas = table(database, "replica")
        self._requests = table(database, "request")
        self._signed = table(database, "countersignature")
        self._codes = table(database, "code")

    # --- stations -------------------------------------------------------------------------------

    def add(self, station: Station) -> None:
        self._stations.insert(**vars(station)).execute()

    def get(self, code: str) -> Station | None:
        row = first_row(self._database, "station", "code = ?", code)
        return Station(**row) if row is not None else None

    def within(self, region: str) -> list[Station]:
        """The stations of a region prefix, by code."""
        s = self._stations
        query = s.select().where(within(s.region, region))
        return [Station(**row) for row in query.order_by(s.code)]

    def change(self, code: str, *, name: str, state: str) -> None:
        s = self._stations
        s.update(name=name, state=state).where(s.code == code).execute()

    def next_code(self, region6: str, given: Iterable[str] = ()) -> str:
        """The next free station code of a county: its 6 digits and a running number of 3, above all
        that were `given` before. HubError `station.codes_used_up`.
        """
        s = self._stations
        query = s.select(fn.max(s.code)).where(fn.substr(s.code, 1, 6) == region6)
        used = [code for code in (query.scalar(), *given) if code and code.startswith(region6)]
        number = max((int(code[6:]) for code in used), default=0) + 1
        if number > STATIONS_PER_COUNTY:
            raise HubError("station.codes_used_up", region=region6, limit=STATIONS_PER_COUNTY)
        return f"{region6}{number:03d}"

    def count_device(self, code: str) -> int:
        """Takes the next running number of a PC at this station."""
        s = self._stations
        s.update(devices=s.devices + 1).where(s.code == code).execute()
        return int(s.select(s.devices).where(s.code == code).scalar())

    def count_devices_to(self, code: str, least: int) -> None:
        """Numbers up to this one are taken."""
        sql = "UPDATE station SET devices = max(devices, ?) WHERE code = ?"
        run(self._database, sql, least, code)

    def set_card(self, code: str, card: bytes) -> None:
        run(self._database, "UPDATE station SET card = ? WHERE code = ?", card, code)

    # --- replicas -------------------------------------------------------------------------------

    def add_replica(self, replica: Replica) -> None:
        self._replicas.insert(**_replica_row(replica)).execute()

    def replica(self, replica: bytes) -> Replica | None:
        row = first_row(self._database, "replica", "id = ?", replica)
        return _replica(row) if row is not None else None

    def standing(self, replica: bytes) -> str:
        """Why nothing is delivered to a replica that is here, "" where it is."""
        sql = "SELECT standing FROM replica WHERE id = ?"
        return str(run(self._database, sql, replica).fetchone()[0])

    def replicas_of_enrolment(self, enrolment: bytes) -> list[Replica]:
        """A PC's replicas: the one that its code enrolled and those that it minted, by number."""
        r = self._replicas
        query = r.select().where(r.enrolment == enrolment).order_by(r.device_number)
        return [_replica(row) for row in query]

    def has_successor(self, replica: bytes) -> bool:
        """Whether a replica that this one minted is here."""
        sql = "SELECT 1 FROM replica WHERE parent = ? LIMIT 1"
        return run(self._database, sql, replica).fetchone() is not None

    def replicas_of(self, station_code: str) -> list[Replica]:
        r = self._replicas
        query = r.select().where(r.station_code == station_code).order_by(r.device_number)
        return [_replica(row) for row in query]

    def replicas_within(self, region: str) -> dict[str, list[Replica]]:
        """Station code → its PCs by number, of every station of a region prefix that has one."""
        r, s = self._replicas, self._stations
        query = r.select(*(getattr(r, name) for name in Replica.__dataclass_fields__))
        query = query.join(s, on=(s.code == r.station_code)).where(within(s.region, region))
        found: dict[str, list[Replica]] = {}
        for row in query.order_by(r.station_code, r.device_number):
            found.setdefault(row["station_code"], []).append(_replica(row))
        return found

    def note_contact(
        self, replica: bytes, at: int, device_time: int, own_seq: int, report: Report
    ) -> None:
        sql = (
            "UPDATE replica SET last_contact = ?, device_time = ?, own_seq = ?, report = ?"
            " WHERE id = ?"
        )
        told = msgspec.json.encode(report).decode()
        run(self._database, sql, at, device_time, own_seq, told, replica)

    def set_standing(self, replica: bytes, standing: str) -> None:
        r = self._replicas
        r.update(standing=standing).where(r.id == replica).execute()

    def revoke(self, enrolment: bytes) -> None:
        """Every replica of an enrolment."""
        sql = "UPDATE replica SET standing = 'revoked' WHERE enrolment = ?"
        run(self._database, sql, enrolment)

    # --- requests and countersignatures ---------------------------------------------------------

    def note_request(self, replica: bytes, number: int, digest: bytes) -> tuple[bool, int]:
        """Remembers a request: whether no other one came under its number, and the highest number
        that one of this replica had."""
        newest = self.newest_request(replica)
        if number <= newest:
            sql = "SELECT digest FROM request WHERE replica = ? AND number = ?"
            known = run(self._database, sql, replica, number).fetchone()
            if known is not None:
                return bool(known[0] == digest), newest
        sql = "INSERT INTO request (replica, number, digest) VALUES (?, ?, ?)"
        run(self._database, sql, replica, number, digest)
        if number // REQUESTS_BETWEEN > newest // REQUESTS_BETWEEN:
            self._forget_old_requests(replica)
        return True, max(number, newest)

    def _forget_old_requests(self, replica: bytes) -> None:
        old = (
            "DELETE FROM request WHERE replica = ? AND number <= (SELECT number FROM request"
            " WHERE replica = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
        )
        run(self._database, old, replica, replica, REQUESTS_KEPT)

    def newest_request(self, replica: bytes) -> int:
        """The highest number that a request of this replica had, 0 before the first."""
        sql = "SELECT max(number) FROM request WHERE replica = ?"
        return int(run(self._database, sql, replica).fetchone()[0] or 0)

    def keep_countersigned(self, replica: bytes, signed: Countersigned, at: int) -> None:
        """Keeps the newest signature of a replica under a channel: it covers all before it."""
        cursor = signed.cursor
        place = (cursor.channel, cursor.epoch, cursor.position, cursor.digest)
        row = (replica, *place, signed.signature, at)
        newer = "countersignature.position <= excluded.position"
        key = ("replica", "channel")
        insert_many(self._database, "countersignature", [row], replacing=key, only_where=newer)

    def has_countersigned(self, replica: bytes, cursor: Cursor) -> bool:
        """Whether this replica's newest signature under the channel is of this very cursor."""
        sql = (
            "SELECT 1 FROM countersignature"
            " WHERE replica = ? AND channel = ? AND epoch = ? AND position = ? AND digest = ?"
        )
        place = (cursor.channel, cursor.epoch, cursor.position, cursor.digest)
        return run(self._database, sql, replica, *place).fetchone() is not None

    def countersigned(self, channel: bytes) -> list[tuple[bytes, Countersigned, int]]:
        """(replica, newest countersignature, when it came) of everybody who reads a channel."""
        s = self._signed
        query = s.select().where(s.channel == channel).order_by(s.replica)
        return [(row["replica"], _countersigned(row), row["at"]) for row in query]

    # --- codes ----------------------------------------------------------------------------------

    def add_code(self, code: EnrolmentCode) -> None:
        self._codes.insert(**vars(code)).execute()

    def code(self, code_id: bytes) -> EnrolmentCode | None:
        c = self._codes
        row = c.select().where(c.id == code_id).first()
        return EnrolmentCode(**row) if row is not None else None

    def use_code(self, code_id: bytes, replica: bytes) -> None:
        c = self._codes
        c.update(used_by=replica).where(c.id == code_id).execute()

    def drop_codes(self) -> None:
        """Codes that nobody has used yet are void."""
        run(self._database, "DELETE FROM code WHERE used_by IS NULL")

    def count_failure(self, code_id: bytes) -> None:
        c = self._codes
        c.update(failures=c.failures + 1).where(c.id == code_id).execute()


def _replica_row(replica: Replica) -> Row:
    report = msgspec.json.encode(replica.report).decode() if replica.report else None
    return {**vars(replica), "report": report}


def _replica(row: Any) -> Replica:
    report = row["report"]
    return Replica(
        **{**row, "report": msgspec.json.decode(report, type=Report) if report else None}
    )


def _countersigned(row: Row) -> Countersigned:
    cursor = Cursor(row["channel"], row["epoch"], row["position"], row["digest"])
    return Countersigned(cursor, row["signature"])
