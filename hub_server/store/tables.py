"""The tables as the queries of this folder name them. The schema itself is in migrations/."""

from __future__ import annotations

from typing import Any

from peewee import Database, Expression, Table

_COLUMNS: dict[str, str] = {
    "meta": "name value",
    "account": "id name role region password failures locked_until created_at disabled_at",
    "guess": "account network failures locked_until failed_at signed_in_at",
    "audit": "id at account account_name region action target facts",
    "channel": "id kind region station_code epoch position digest closing",
    "entry": "channel position data digest operation",
    "chain": "replica channel is_hub frozen head_seq head_link signed_seq signed_link signature",
    "branch_head": "replica seq link signature",
    "operation": (
        "name identity channel replica seq link record header body body_digest by_hub position"
        " verdict code effective base"
    ),
    "record": (
        "channel record kind form_version station_code region version values conflicts alive"
        " open_case state ledger_date cells changed_at"
    ),
    "station": "code name region state channel card opened_at devices",
    "replica": (
        "id enrolment station_code channel signing sealing device device_number standing"
        " certificate enrolled_at last_contact device_time own_seq report introduction parent"
    ),
    "request": "replica number digest",
    "countersignature": "replica channel epoch position digest signature at",
    "code": "id key station_code created_at expires_at failures used_by",
    "application": "number record check_salt check_hash created_at",
    "agreement": "record no kind signed_on valid_to recorded_by recorded_at",
    "backup": "id taken_at epoch",
    "backup_position": "backup channel position",
    "epoch": "channel position data",
    "erased": "channel record at",
    "revoked": "enrolment reason at",
    "loss": "replica first last at",
}


def within(column: Any, prefix: str) -> Expression:
    """Whether a division code begins so, asked as a range, which an index can answer."""
    return (column >= prefix) & (column < prefix + ":")  # ":" is the next after the digits


def columns_of(name: str) -> list[str]:
    return _COLUMNS[name].split()


def table(database: Database, name: str) -> Any:
    """The table of that name, bound to this database."""
    return Table(name, columns_of(name)).bind(database)
