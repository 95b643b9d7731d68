"""The county's choice about what is held for it: a revoked or frozen PC, a fork, a closed station.

What the form does not allow cannot be accepted: the county decides whether to believe, not whether
the rules hold. PROTOCOL.md, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.judge_again import append_verdicts, bench, judge_waiting
from hub_server.services.list_undecided import WAIT_FOR_COUNTY, plain_code
from hub_server.services.projection import known_form
from hub_server.store import Channel, Placed
from sync_protocol import push
from sync_protocol.channel import REASON_CHARACTERS, Verdict, VerdictEntry, county_code
from sync_protocol.push import Doorway

_VERDICTS = {"accepted": Verdict.ACCEPTED, "refused": Verdict.REFUSED}


def decide_held(
    hub: Hub,
    account: Account,
    channel: bytes,
    identities: Sequence[bytes],
    verdict: str,
    reason: str,
) -> int:
    """Accepts or refuses these operations of one channel, all or none; how many that were.

    `verdict` is "accepted" or "refused"; `reason` goes into the audit, and that of a refusal to the
    desk.

    Accepting one of which the record's creation waits for the county as well accepts that, too:
    otherwise it would be left without its record. HubError `undecided.*`, `account.*`.
    """
    demand(account, "undecided.decide")
    if verdict not in _VERDICTS:
        raise HubError("undecided.verdict_unknown", verdict=verdict)
    if not reason.strip():
        raise HubError("undecided.no_reason")
    if not identities:
        raise HubError("undecided.none_chosen")
    with hub.store.writing():
        region = _region(hub, account, channel)
        locked = hub.store.journal.lock_channel(channel)
        chosen = _chosen(hub, channel, identities)
        if verdict == "accepted":
            chosen = _with_creations(hub, channel, chosen)
            _demand_sound(hub, locked, chosen)
        code = county_code(reason) if verdict == "refused" else ""
        entries = [_entry(hub, each, _VERDICTS[verdict], code) for each in chosen]
        grown, final = append_verdicts(hub, locked, chosen, entries)
        judge_waiting(hub, grown, final)
        for each in chosen:
            _note(hub, account, region, each, verdict, reason)
    return len(chosen)


def _region(hub: Hub, account: Account, channel: bytes) -> str:
    """Of the station whose channel this is. HubError `undecided.unknown`, of a foreign one, too."""
    found = hub.store.journal.channel(channel)
    station = hub.store.stations.get(found.station_code) if found and found.station_code else None
    if station is None or not account.sees(station.region):
        raise HubError("undecided.unknown")
    return station.region


def _chosen(hub: Hub, channel: bytes, identities: Sequence[bytes]) -> list[Placed]:
    wanted = set(identities)
    found = hub.store.undecided.identified(channel, sorted(wanted))
    if {each.operation.identity for each in found} != wanted:
        raise HubError("undecided.unknown")
    for each in found:
        if not _waits(each):
            raise _refusal(hub, "undecided.not_waiting", each, each.verdict, each.code)
    return found


def _waits(placed: Placed) -> bool:
    return placed.verdict is Verdict.HELD and placed.code in WAIT_FOR_COUNTY


def _with_creations(hub: Hub, channel: bytes, chosen: Sequence[Placed]) -> list[Placed]:
    """With the held creations of their records, where these wait for the county, too."""
    records = {each.operation.header.record for each in chosen}
    accepted = hub.store.records.kinds(channel, sorted(records))
    creators = hub.store.operations.held_creators(channel, sorted(records - set(accepted)))
    all_of_them = {each.operation.identity for each in chosen} | set(creators.values())
    found = hub.store.undecided.identified(channel, sorted(all_of_them))
    own = {each.operation.identity for each in chosen}
    return [each for each in found if each.operation.identity in own or _waits(each)]


def _demand_sound(hub: Hub, channel: Channel, chosen: Sequence[Placed]) -> None:
    """HubError `undecided.check`, unless each would be accepted from a PC that is believed."""
    about = {each.operation.header.record for each in chosen}
    records, judge = bench(hub, channel, about)
    erased = hub.store.withdrawn.erased(channel.id, sorted(about))
    doorway = Doorway(erased=erased, believed=True)
    for each in chosen:
        verdict, code = push.decide(each.operation, doorway, records, judge, hub.now_ms())
        if verdict is not Verdict.ACCEPTED:
            raise _refusal(hub, "undecided.check", each, verdict, code)


def _refusal(hub: Hub, error: str, placed: Placed, verdict: Verdict, code: str) -> HubError:
    header = placed.operation.header
    form = known_form(hub.forms, header.kind, header.form_version)
    words = "已经生效" if verdict is Verdict.ACCEPTED else plain_code(form, verdict, code)[1]
    return HubError(error, record=header.record.hex(), words=words)


def _entry(hub: Hub, placed: Placed, verdict: Verdict, code: str) -> VerdictEntry:
    return VerdictEntry(placed.operation.identity, int(verdict), code, hub.now_ms())


def _note(
    hub: Hub, account: Account, region: str, placed: Placed, verdict: str, reason: str
) -> None:
    operation = placed.operation
    note(
        hub,
        account,
        f"undecided.{verdict}",
        operation.header.record.hex(),
        region,
        operation=operation.identity.hex(),
        held=placed.code,
        reason=reason.strip()[:REASON_CHARACTERS],
    )
