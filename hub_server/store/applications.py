"""What belongs to an application besides its record: the applicant's ticket, and the agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peewee import Database, fn

from hub_server.store.database import portions
from hub_server.store.tables import table, within


@dataclass(frozen=True)
class Ticket:
    """The number an applicant got, and the check code that goes with it, hashed."""

    number: str
    record: bytes
    check_salt: bytes
    check_hash: bytes
    created_at: int


@dataclass(frozen=True)
class Agreement:
    """A signed agreement (or commitment) as the county recorded it. Dates are ISO."""

    record: bytes
    no: str
    kind: str
    signed_on: str
    valid_to: str
    recorded_by: bytes
    recorded_at: int


class Applications:
    """Tickets and agreements."""

    def __init__(self, database: Database) -> None:
        self._tickets = table(database, "application")
        self._agreements = table(database, "agreement")

    def add_ticket(self, ticket: Ticket) -> None:
        self._tickets.insert(**vars(ticket)).execute()

    def ticket(self, number: str) -> Ticket | None:
        t = self._tickets
        row = t.select().where(t.number == number).first()
        return Ticket(**row) if row is not None else None

    def highest_number(self, prefix: str) -> str | None:
        """The highest ticket number that starts so: of a busy day's the longest."""
        t = self._tickets
        query = t.select(t.number).where(within(t.number, prefix))
        highest: str | None = query.order_by(fn.length(t.number).desc(), t.number.desc()).scalar()
        return highest

    def numbers(self, records: Sequence[bytes]) -> dict[bytes, str]:
        """Record → ticket number, for those that an outsider sent."""
        t = self._tickets
        found: dict[bytes, str] = {}
        for part in portions(records):
            query = t.select(t.record, t.number).where(t.record.in_(part))
            found.update(query.tuples())
        return found

    def keep_agreement(self, agreement: Agreement) -> None:
        """Records an agreement; a later one for the same application takes its place."""
        a = self._agreements
        a.delete().where(a.record == agreement.record).execute()
        a.insert(**vars(agreement)).execute()

    def agreement(self, record: bytes) -> Agreement | None:
        a = self._agreements
        row = a.select().where(a.record == record).first()
        return Agreement(**row) if row is not None else None
