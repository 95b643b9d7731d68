"""An outsider applies to open a station (5.4.1.1, Annex A): sends, looks up, corrects and resends.

The hub writes it down on the applicant's behalf. Number and check code are the applicant's only
key; of the code a salted hash is kept.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

import uuid_utils

from forms.reading import tidy
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.applications import Application, load_application, office_channel
from hub_server.services.audit import note
from hub_server.services.give_numbers import keep_number, next_application_number
from hub_server.services.write_records import HubWrite, write_record
from hub_server.store import Ticket
from sync_protocol import crypto

KIND = "station_open"
CHECK_CHARACTERS = 10  # of 31 letters: 49 random bits
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXY"


def submit_application(hub: Hub, values: Mapping[str, Any]) -> tuple[str, str]:
    """(number, check code) of a new application. HubError `record.values`, `application.region`."""
    check_region(hub, values)
    record = bytes(uuid_utils.uuid7().bytes)
    code = "".join(secrets.choice(_LETTERS) for _ in range(CHECK_CHARACTERS))
    salt = os.urandom(16)
    form = hub.forms.latest(KIND)
    state = form.moved(None, "submitted", "station")
    with hub.store.writing():
        office = office_channel(hub)
        write = HubWrite(record, KIND, {**values, "state": state}, on_behalf=True)
        write_record(hub, office.id, write)
        number = next_application_number(hub)
        ticket = Ticket(number, record, salt, _hash(salt, code), hub.now_ms())
        hub.store.applications.add_ticket(ticket)
        note(hub, None, "application.submit", number, hub.region)
        keep_number(hub, number)
    return number, code


def find_application(hub: Hub, number: str, check_code: str) -> Application:
    """The application as its applicant may see it. HubError `application.unknown`."""
    ticket = hub.store.applications.ticket(_bare(number))
    code = _bare(check_code).upper()
    expected = ticket.check_hash if ticket else bytes(crypto.HASH_BYTES)
    given = _hash(ticket.check_salt if ticket else bytes(16), code)
    if ticket is None or not crypto.same(expected, given):
        raise HubError("application.unknown")
    return load_application(hub, ticket.record, "", office_channel(hub).id)


def _bare(typed: str) -> str:
    """What was copied from paper, without the blanks that divide it and in half-width letters."""
    return tidy(typed).replace(" ", "").replace("-", "")


def correct_application(
    hub: Hub, number: str, check_code: str, changes: Mapping[str, Any]
) -> Application:
    """Writes the changes and sends the application in again, after the county returned it."""
    found = find_application(hub, number, check_code)
    if found.state != "returned":
        raise HubError("application.not_returned")
    check_region(hub, {**found.values, **changes})
    form = hub.forms.latest(KIND)
    with hub.store.writing():
        current = load_application(hub, found.record, "", found.channel)
        if current.version != found.version:
            raise HubError("application.changed")
        state = form.moved(current.values["state"], "submitted", "station")
        values = {**changes, "state": state}
        write_record(hub, found.channel, HubWrite(found.record, KIND, values, on_behalf=True))
        note(hub, None, "application.correct", found.number, hub.region)
    return load_application(hub, found.record, "", found.channel)


def check_region(hub: Hub, values: Mapping[str, Any]) -> None:
    """HubError `application.region` for a place that this hub does not serve."""
    region = values.get("region_code")
    if region and not str(region).startswith(hub.region):
        raise HubError("application.region", region=region)


def _hash(salt: bytes, code: str) -> bytes:
    return crypto.digest(b"bianmin/check-code", salt, code.encode())
