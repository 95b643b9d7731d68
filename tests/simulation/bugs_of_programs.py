"""Planted bugs of the two programs: one rule each, left out as by somebody who did not know why it
is there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
from sqlcipher3 import dbapi2 as sqlcipher

import forms
from forms import Form
from hub_server.hub import Hub
from hub_server.services import answer_exchange, judge, judge_again, projection
from hub_server.store import Placed
from hub_server.store.bodies import Bodies
from hub_server.store.database import Writer, as_hub_errors
from hub_server.store.journal import Channel, Journal, NewEntry
from station_client.services import absorb_reply, apply_page
from station_client.services import exchange_with_hub as exchanging
from station_client.services.amend_entry import operations_of
from station_client.services.exchange_with_hub import Outcome, Prepared
from station_client.services.merged import merged
from station_client.services.writing import save_change
from station_client.station import Station
from station_client.store.connection import Database, coded
from station_client.store.journal import Journal as StationJournal
from station_client.store.standings import Standings
from sync_protocol import envelope, exchange, limits, pull
from sync_protocol.channel import Verdict
from sync_protocol.enrol import HubPublic, ReplicaKeys
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Reply
from sync_protocol.operations import Head, empty_head
from sync_protocol.pull import Applied, Page
from tests.simulation import desks
from tests.simulation.bug import Bug

_absorb_reply, _note_failure = exchanging.absorb_reply, exchanging.note_failure
_note_success = absorb_reply._note_success
_show_again, _append = apply_page.show_again, Journal.append
_check_writes, _transaction = forms.check_writes, Writer.transaction


def _cursor_first(station: Station, page: Page) -> Applied | None:
    store = station.store
    with store.writing():
        known = store.channels.find(page.base.channel)
        if known is None:
            return None
        own = store.journal.own_names(station.keys.replica, pull.own_seqs(page))
        applied = pull.absorb_page(page, known.cursor, own, station.hub.signing)
        if applied is None or applied.receipt is None:
            return applied
        store.channels.move(applied)
        store.lost.keep_receipt(applied.receipt, applied.covered)
    with store.writing():
        _show_again(station, applied.cursor.channel, apply_page._keep(station, applied))
    return applied


def _trusts_whatever_comes(
    station: Station, prepared: Prepared, data: bytes, took_ms: int | None
) -> Outcome:
    """Some bytes came back with status 200: so all was taken."""
    with station.store.writing():
        station.store.database.write(
            "UPDATE operation SET position = 0 WHERE replica = ? AND position IS NULL",
            station.keys.replica,
        )
    try:
        return _absorb_reply(station, prepared, data, took_ms)
    except PeerFault:
        return Outcome(requests=1)


def _number_again(station: Station, code: str) -> None:
    _note_failure(station, code)
    with station.store.writing():
        state = station.store.facts.exchange()
        station.store.channels.forget_request(state.number)
        station.store.facts.keep_exchange(msgspec.structs.replace(state, number=state.number - 1))


def _shows_only_new(station: Station, channel: bytes, records: Sequence[bytes]) -> None:
    shown = station.store.records
    _show_again(station, channel, [each for each in records if shown.find(each) is None])


def _first_verdict_last(self: Standings, verdicts: Iterable[tuple[bytes, int, str, int]]) -> None:
    self._database.write_many(
        "UPDATE operation SET verdict = ?2, code = ?3, at = ?4 WHERE identity = ?1",
        reversed(list(verdicts)),
    )


_sequences: dict[tuple[str, bytes], int] = {}


def _position_from_a_sequence(self: Journal, channel: Channel, new: Sequence[NewEntry]) -> Channel:
    place = (str(self._database.database), channel.id)
    start = max(_sequences.get(place, 0), channel.position)
    _sequences[place] = start + len(new)
    return _append(self, replace(channel, position=start) if new else channel, new)


def _any_reply(data: bytes, keys: ReplicaKeys, hub: HubPublic, request_digest: bytes) -> Reply:
    sent = envelope.parse(data, Kind.REPLY, limits.REPLY_BYTES)
    envelope.verify(sent, hub.signing)
    return envelope.unpack(envelope.open_sealed(sent, keys.replica, keys.sealing), Reply)


def _parted_is_complete(
    station: Station,
    prepared: Prepared,
    reply: Reply,
    applied: list[Applied | None],
    took_ms: int | None,
) -> bool:
    parted = [(page, page.receipt) for page in reply.pages if page.parted and page.receipt]
    ends = [Applied((), told.cursor, told, page.head, page.covered) for page, told in parted]
    return _note_success(station, prepared, reply, [*applied, *ends], took_ms)


def _by_name(self: Bodies, channels: Sequence[bytes], names: Sequence[bytes]) -> list[bytes]:
    marks = ",".join("?" * len(names))
    sql = f"SELECT body FROM operation WHERE body IS NOT NULL AND name IN ({marks})"
    return [body for (body,) in self._database.execute_sql(sql, list(names)).fetchall()]


def _every_channel(hub: Hub, own: Channel) -> dict[bytes, Channel]:
    return {each.id: each for each in hub.store.journal.channels()}


def _not_projected(hub: Hub, channel: Channel, records: object) -> list[object]:
    return []


def _never_again(hub: Hub, channel: Channel, held: object) -> tuple[Channel, set[bytes]]:
    return channel, set()


def _head_of_what_is_acknowledged(self: StationJournal, replica: bytes) -> Head:
    row = self._database.row(
        "SELECT seq, link FROM operation WHERE replica = ? AND position IS NOT NULL"
        " ORDER BY seq DESC LIMIT 1",
        replica,
    )
    return Head(replica, row["seq"], row["link"]) if row else empty_head(replica)


def _counts_what_is_held(placed: Iterable[Placed]) -> list[Placed]:
    held = (each for each in placed if each.verdict is not Verdict.REFUSED)
    return [msgspec.structs.replace(each, verdict=Verdict.ACCEPTED) for each in held]


def _anybody_writes_anything(form: Form, values: Mapping[str, Any], **options: Any) -> list[Any]:
    problems = _check_writes(form, values, **options)
    return [each for each in problems if each.code != "author"]


def _settles_what_moved_on(
    station: Station, record: bytes, register: str, chosen_name: bytes, seen: tuple[bytes, ...]
) -> None:
    with station.store.writing():
        stored = operations_of(station, record)
        now = merged(station.forms, stored)
        sides = now.conflicts[register].sides if register in now.conflicts else ()
        for side in sides:
            if side.name == chosen_name:
                save_change(station, stored, now, {register: side.value})


_unsynced: dict[str, tuple[Writer, Any]] = {}


@contextmanager
def _synced_with_the_next(self: Writer) -> Iterator[None]:
    """Answers first: what was written last is gone when the program starts again."""
    database: Any = self._database
    path, connection = str(database.database), database.connection()
    writer, before = _unsynced.get(path, (self, None))
    if writer is not self:
        before.backup(connection)
    if before is not None:
        before.close()
    copy = sqlcipher.connect(":memory:")
    connection.backup(copy)
    _unsynced[path] = self, copy
    with _transaction(self):
        yield


@contextmanager
def _alone_at_the_station(self: Database) -> Iterator[None]:
    with coded(self.database):
        yield


@contextmanager
def _alone_at_the_hub(self: Writer) -> Iterator[None]:
    with as_hub_errors():
        yield


BUGS = (
    Bug(
        "an answer comes after the commit",
        Writer, "transaction", _synced_with_the_next,
        "record:0 exchange:0 restart_hub:0 record:1 exchange:1",
    ),
    Bug("a seq is used once", StationJournal, "own_head", _head_of_what_is_acknowledged),
    Bug(
        "what is held counts for nothing",
        projection, "accepted_of", _counts_what_is_held,
        "change_program:0 record:0 exchange:0",
    ),
    Bug(
        "only the county writes what is the county's",
        judge, "check_writes", _anybody_writes_anything,
    ),
    Bug(
        "a settlement hides nothing that came since",
        desks, "settle_conflict", _settles_what_moved_on,
        "record:0 exchange:0 exchange:1 rename:0 rename:1 exchange:1 exchange:0 look:0 rename:1"
        " exchange:1 exchange:0 settle:0",
        tail=0,
    ),
    Bug(
        "cursor and contents are one transaction",
        absorb_reply, "apply_page", _cursor_first,
        "record:0 exchange:0" + " record:0 exchange:0 power_cut_after_commit:1" * 12,
    ),
    Bug(
        "only a genuine reply empties the outbox",
        exchanging, "absorb_reply", _trusts_whatever_comes,
    ),
    Bug(
        "a request's number is never taken twice",
        exchanging, "note_failure", _number_again,
        "record:0 exchange_badly:0 amend:0 " * 6,
    ),
    Bug("every touched record is shown anew", apply_page, "show_again", _shows_only_new),
    Bug(
        "a later verdict is not overwritten",
        Standings, "raise_verdicts", _first_verdict_last,
        "change_program:0 exchange:0 record:0 write_stick:0 stick_at_hub:0 upgrade_hub:0"
        " exchange:0",
    ),
    Bug(
        "what a PC writes is all or nothing",
        Database, "writing", _alone_at_the_station,
        "record:0 exchange:0" + " amend:0 exchange:0 power_cut:1 power_cut:0" * 5,
    ),
    Bug(
        "what the hub writes is all or nothing",
        Writer, "transaction", _alone_at_the_hub,
        "record:0 exchange_badly:0 amend:0 " * 6,
    ),
    Bug(
        "positions come from the channel's row",
        Journal, "append", _position_from_a_sequence,
        "record:0 exchange_badly:0 amend:0 " * 6,
    ),
    Bug(
        "a reply is bound to its request",
        exchange, "open_reply", _any_reply,
        "exchange:0 exchange:0 record:1 exchange:1 exchange_badly:0 " * 5,
    ),
    Bug(
        "a station reads its own channels",
        answer_exchange, "_readable", _every_channel,
        "record:0 record:2 exchange:0 exchange:2 pry:0 pry:2",
    ),
    Bug(
        "what a later verdict accepts is shown",
        judge_again, "project", _not_projected,
        "change_program:0 record:0 exchange:0",
    ),
    Bug(
        "what was held is judged again",
        judge_again, "_judge", _never_again,
        "change_program:0 record:0 exchange:0",
    ),
    Bug(
        "a new epoch withdraws 'synchronised'",
        absorb_reply, "_note_success", _parted_is_complete,
        "record:0 exchange:0 back_up_hub:0 record:0 exchange:0 restore_hub:0 exchange:0",
    ),
    Bug(
        "a body is found by its digest",
        Bodies, "read", _by_name,
        "record:0 exchange:0 body_gone_bad:0 exchange:0",
    ),
)  # fmt: skip
