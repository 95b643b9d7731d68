"""What the hub remembers. The only importer of peewee and SQLCipher here; returns dataclasses.

Knows neither a service nor a page. All writes happen inside `Store.writing()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from hub_server.errors import HubError
from hub_server.store.applications import Agreement, Applications, Ticket
from hub_server.store.backups import NAMED, Backup, Backups, backup_in, ends_in
from hub_server.store.bodies import Bodies
from hub_server.store.chains import Chain, Chains
from hub_server.store.database import Row, Writer, as_hub_errors, open_database, run
from hub_server.store.epochs import Epochs
from hub_server.store.evidence import Evidence, KeptItem, Member, SignedHead
from hub_server.store.history import History, KeptEntry
from hub_server.store.journal import Channel, Journal, NewEntry
from hub_server.store.losses import DeclaredLoss, Losses
from hub_server.store.operations import Operations, Placed, placed_of
from hub_server.store.people import AuditLine, Guesses, People, StoredAccount
from hub_server.store.records import Filters, Kinds, Records, StoredLine, StoredRecord
from hub_server.store.snapshots import Snapshots
from hub_server.store.stations import EnrolmentCode, Replica, Station, Stations
from hub_server.store.tables import table
from hub_server.store.undecided import OpenOperation, Undecided
from hub_server.store.withdrawn import Withdrawn
from hub_server.witness import Witness

__all__ = [
    "NAMED",
    "Agreement",
    "AuditLine",
    "Backup",
    "Chain",
    "Channel",
    "DeclaredLoss",
    "EnrolmentCode",
    "Filters",
    "Guesses",
    "KeptEntry",
    "KeptItem",
    "Kinds",
    "Member",
    "NewEntry",
    "OpenOperation",
    "Placed",
    "Replica",
    "Row",
    "SignedHead",
    "Station",
    "Store",
    "StoredAccount",
    "StoredLine",
    "StoredRecord",
    "Ticket",
    "as_hub_errors",
    "placed_of",
]


class Store:
    """One hub's database. The `witness` is told after each commit where the channels stand."""

    def __init__(self, path: Path, key: bytes, witness: Witness | None = None) -> None:
        self.path = path
        self.witness = witness
        self._key = key
        self._database = open_database(path, key)
        self._meta = table(self._database, "meta")
        self.journal = Journal(self._database)
        self._writer = Writer(self._database, self.journal.grown.clear, self._tell_witness)
        self.chains = Chains(self._database)
        self.operations = Operations(self._database)
        self.records = Records(self._database)
        self.history = History(self._database)
        self.evidence = Evidence(self._database)
        self.undecided = Undecided(self._database)
        self.stations = Stations(self._database)
        self.people = People(self._database)
        self.applications = Applications(self._database)
        self.backups = Backups(self._database)
        self.bodies = Bodies(self._database)
        self.epochs = Epochs(self._database)
        self.losses = Losses(self._database)
        self.snapshots = Snapshots(self._database)
        self.withdrawn = Withdrawn(self._database)

    def writing(self) -> AbstractContextManager[None]:
        """One durable transaction, one writer at a time. HubError `hub.busy`, `hub.disk_full`."""
        return self._writer.transaction()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """As `writing`, of what a power cut may take: nobody waits for the disk. HubError
        `hub.busy` where an entry was appended, and nothing happened: others count on that."""
        with self._writer.hurried():
            yield
            if self.journal.grown:
                raise HubError("hub.busy")

    def _tell_witness(self) -> None:
        if self.witness is not None and self.journal.grown:
            self.witness.note(self.journal.grown.values())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view over several reads. HubError `hub.database`."""
        with as_hub_errors(), self._database.atomic():
            yield

    def meta(self, name: str) -> bytes | None:
        """A fact about the hub itself."""
        row = run(self._database, "SELECT value FROM meta WHERE name = ?", name).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: bytes) -> None:
        self._meta.delete().where(self._meta.name == name).execute()
        self._meta.insert(name=name, value=value).execute()

    def drop_meta(self, name: str) -> None:
        self._meta.delete().where(self._meta.name == name).execute()

    def counts(self) -> dict[str, int]:
        """Rows of the tables that only grow."""
        growing = {name: table(self._database, name) for name in ("entry", "operation")}
        return {name: rows.select().count() for name, rows in growing.items()}

    def copied_to(self, path: Path, backup: bytes) -> Store:
        """A copy under the same key, opened, with the id of a backup in it; others go on writing.

        `path` is not there yet, or empty: then it keeps its mode. HubError `hub.file`, `hub.*`
        """
        try:
            with as_hub_errors():
                self._database.execute_sql("VACUUM INTO ?", (str(path),))
        except HubError as refused:
            if refused.code != "hub.disk_full":
                raise
            raise HubError("hub.file", file=path, reason="磁盘已满") from refused
        copy = Store(path, self._key)
        with copy.writing():
            copy.set_meta(NAMED, backup)
        copy.settle()
        return copy

    def settle(self) -> None:
        """Everything into the one file: what a write-ahead log beside it held would stay behind
        when it moves. HubError `hub.*`"""
        with as_hub_errors():
            self._database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def backup_in(self, path: Path) -> bytes | None:
        """The id of the backup of this hub in a file; None for whatever else it is."""
        return backup_in(path, self._key)

    def ends_in(self, path: Path) -> dict[bytes, tuple[int, bytes]]:
        """Channel → position and digest at which the backup in a file ends."""
        return ends_in(path, self._key)

    def damaged_pages(self) -> list[str]:
        """What the engine's own check finds: pages whose checksum is wrong, broken structure.

        HubError `hub.busy|disk_fault`
        """
        try:
            with as_hub_errors():
                return self._damaged_pages()
        except HubError as broken:
            if broken.code != "hub.database":
                raise
            return [str(broken.facts["reason"])]  # so much that the check itself cannot go on

    def _damaged_pages(self) -> list[str]:
        check = "PRAGMA cipher_integrity_check"
        if self._database.execute_sql(check).fetchall():
            # It reads the main file alone: a page may be half written there after a power cut, and
            # whole in the write-ahead log.
            self.settle()
        pages = [str(row[0]) for row in self._database.execute_sql(check)]
        found = [str(row[0]) for row in self._database.execute_sql("PRAGMA quick_check")]
        return pages + [line for line in found if line != "ok"]

    def close(self) -> None:
        """Closes the calling thread's connection and that of the writers."""
        self._writer.close()
        self._database.close()
