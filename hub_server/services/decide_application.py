"""The county decides about an application, and what the decision does (5.4.1, Annexes A, B, C).

Approve an opening: station, channel, card and a one-time code. Approve a change: the card is
amended. Approve a closing: the card says so and a closing entry takes effect at its position.
Decision, effect and audit line are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uuid_utils

from hub_server.accounts import Account
from hub_server.china_time import in_china
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.applications import Application, load_application
from hub_server.services.audit import note
from hub_server.services.enrol_station import new_channel, region_channel
from hub_server.services.give_numbers import keep_number, next_station_code
from hub_server.services.issue_code import find_station, new_code
from hub_server.services.write_records import HubWrite, append_word, write_record
from hub_server.store import Agreement, Station
from hub_server.workflow import DECISIONS, check_opinion, next_state
from sync_protocol.channel import ClosingEntry, entry_bytes

GRACE_MS = 30 * 24 * 60 * 60 * 1000
DEFAULT_OPINION = "同意"
_CHANGED = {  # what the second block of table B.1 says of the card
    "phone": "new_contact_phone",
    "address": "new_address",
    "county": "new_county",
    "applicant_unit": "new_applicant_unit",
}
_FUNCTIONS = ("appointment", "intake", "help", "proxy", "notice")


@dataclass(frozen=True)
class Decided:
    """What came of it. `code` is the enrolment code's text, shown this once, for an opening."""

    state: str
    station_code: str
    code: str | None = None


@dataclass(frozen=True)
class Terms:
    """What the county may add to an approval.

    `station_name` names the station (opening, change) where the unit's name does not; `functions`
    are its five switches; `handover_to` is the station that takes over the open cases of a closing.
    """

    station_name: str = ""
    functions: Sequence[str] = ()
    handover_to: str = ""


def decide_application(
    hub: Hub,
    account: Account,
    application: bytes,
    decision: str,
    opinion: str,
    seal_image: str | None,
    seen_version: str,
    terms: Terms | None = None,
) -> Decided:
    """Decides: approve, return or reject. `seen_version` is that of the page that was read.

    HubError `application.*`: changed meanwhile, wrong state, no opinion, no agreement, open cases.
    """
    demand(account, "application.decide")
    if decision not in DECISIONS:
        raise HubError("application.decision_unknown", decision=decision)
    check_opinion(decision, opinion)
    terms = terms or Terms()
    with hub.store.writing():
        found = load_application(hub, application, account.region)
        hub.check_seen(found.version, seen_version, "application.changed")
        state = next_state(found.state, decision)
        if decision == "approve":
            opinion = _approve_opinion(hub, account, found, opinion, terms)
        _write_decision(hub, account, found, state, opinion, seal_image)
        note(
            hub, account, f"application.{decision}", found.number or application.hex(), found.region
        )
        if decision != "approve":
            return Decided(state, found.station_code)
        return _EFFECTS[found.kind](hub, account, found, terms)


def _write_decision(
    hub: Hub, account: Account, found: Application, state: str, opinion: str, seal: str | None
) -> None:
    form = hub.forms.latest(found.kind)
    values: dict[str, Any] = {
        "state": form.moved(found.values["state"], state, "hub"),
        "review_decision": state,
        "review_opinion": opinion,
        "reviewed_on": _today(hub),
        "reviewer_name": account.name,
    }
    if seal:
        values["seal_image"] = seal
    write_record(hub, found.channel, HubWrite(found.record, found.kind, values, account.id))


def _approve_opinion(
    hub: Hub, account: Account, found: Application, opinion: str, terms: Terms
) -> str:
    """The opinion of an approval; checks what must be so before it."""
    opinion = opinion.strip() or DEFAULT_OPINION
    if found.kind == "station_open":
        if found.agreement is None:
            raise HubError("application.no_agreement")
        return opinion
    station = find_station(hub, account, found.station_code)
    if station.state == "closed":
        raise HubError("application.station_closed")
    if found.kind == "station_close":
        return opinion + _handover_words(hub, station, terms)
    return opinion


def _handover_words(hub: Hub, station: Station, terms: Terms) -> str:
    """Closing with open cases names who takes them over (5.4.1.3)."""
    count = hub.store.records.count_open_cases(station.channel)
    if not count:
        return ""
    if not terms.handover_to:
        raise HubError("application.open_cases", count=count)
    heir = hub.store.stations.get(terms.handover_to)
    if heir is None or heir.state == "closed" or heir.code == station.code:
        raise HubError("application.handover", station=terms.handover_to)
    return f"（未办结办件{count}件由{heir.name}（{heir.code}）接办）"


# --- what an approval does -----------------------------------------------------------------------


def _open(hub: Hub, account: Account, found: Application, terms: Terms) -> Decided:
    if found.agreement is None:
        raise HubError("application.no_agreement")
    region = str(found.values.get("region_code") or hub.region)
    code = next_station_code(hub, region[:6])
    name = terms.station_name or _name_of(str(found.values["applicant_unit"]))
    channel = new_channel(hub, "station", region[:6], code)
    region_channel(hub, region)
    card = bytes(uuid_utils.uuid7().bytes)
    station = Station(code, name, region, "open", channel.id, card, hub.now_ms())
    hub.store.stations.add(station)
    values = _card(station, found, found.agreement, terms)
    write_record(hub, channel.id, HubWrite(card, "station_card", values, account.id))
    note(hub, account, "station.open", code, region)
    keep_number(hub, code)
    return Decided("approved", code, new_code(hub, account, station))


def _card(
    station: Station, found: Application, agreement: Agreement, terms: Terms
) -> dict[str, Any]:
    values = {
        "station_code": station.code,
        "name": station.name,
        "region_code": station.region,
        "address": found.values["site"],
        "county": found.values["county"],
        "applicant_unit": found.values["applicant_unit"],
        "phone": found.values["contact_phone"],
        "host_type": found.values.get("host_type") or "other",
        "functions": list(terms.functions or _FUNCTIONS),
        "agreement_no": agreement.no,
        "agreement_kind": agreement.kind,
        "agreement_signed_on": agreement.signed_on,
        "state": "open",
    }
    if agreement.valid_to:
        values["agreement_valid_to"] = agreement.valid_to
    return values


def _change(hub: Hub, account: Account, found: Application, terms: Terms) -> Decided:
    station = find_station(hub, account, found.station_code)
    was, unit = found.values["applicant_unit"], found.values["new_applicant_unit"]
    name = terms.station_name or (station.name if was == unit else _name_of(str(unit)))
    values = {"name": name, **{own: found.values[new] for own, new in _CHANGED.items()}}
    if terms.functions:
        values["functions"] = list(terms.functions)
    write_record(hub, station.channel, HubWrite(station.card, "station_card", values, account.id))
    hub.store.stations.change(station.code, name=name, state=station.state)
    note(hub, account, "station.change", station.code, station.region)
    return Decided("approved", station.code)


def _close(hub: Hub, account: Account, found: Application, terms: Terms) -> Decided:
    station = find_station(hub, account, found.station_code)
    values = {"state": "closed"}
    write_record(hub, station.channel, HubWrite(station.card, "station_card", values, account.id))
    now = hub.now_ms()
    closing = ClosingEntry(until=now + GRACE_MS, at=now)
    append_word(hub, hub.store.journal.lock_channel(station.channel), closing)
    hub.store.journal.set_closing(station.channel, entry_bytes(closing))
    hub.store.stations.change(station.code, name=station.name, state="closed")
    facts = {"handover_to": terms.handover_to} if terms.handover_to else {}
    note(hub, account, "station.close", station.code, station.region, **facts)
    return Decided("approved", station.code)


_EFFECTS = {"station_open": _open, "station_change": _change, "station_close": _close}


def _name_of(unit: str) -> str:
    """The station's name as the ledger shows it (table D.1 column 3), from the unit's."""
    return unit if unit.endswith("便民服务站") else f"{unit[:95]}便民服务站"


def _today(hub: Hub) -> str:
    return in_china(hub.now_ms()).date().isoformat()
