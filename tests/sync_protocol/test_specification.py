"""PROTOCOL.md against the code, where the two can be compared: elements, codes, limits, places."""

import re
from pathlib import Path

import pytest

import sync_protocol
from sync_protocol import errors, limits
from sync_protocol.channel import HELD_CODES, REFUSED_CODES
from sync_protocol.exchange import Rare, Reply, Report, Request
from sync_protocol.operations import Header
from sync_protocol.pull import Page
from tests.conftest import ROOT

TEXT = (Path(sync_protocol.__file__).parent / "PROTOCOL.md").read_text("utf-8")
ARRAYS = (Header, Request, Reply, Rare, Report, Page)
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "min": 60_000}
WRITTEN = {
    "REQUEST_BYTES": "4 MiB",
    "REPLY_BYTES": "4 MiB",
    "UNPACKED_BYTES": "32 MiB",
    "BATCH_BYTES": "1 MiB",
    "BATCH_BYTES_LOWEST": "512 B",
    "BATCH_BYTES_HIGHEST": "8 MiB",
    "BATCH_OPERATIONS": "10,000 operations",
    "HEADER_BYTES": "512 B with its origin",
    "BODY_BYTES": "512 KiB",
    "WRITES_PER_OPERATION": "512 writes",
    "NAMES_PER_OPERATION": "4,096 names",
    "FIELD_NAME_CHARACTERS": "128 characters",
    "KIND_CHARACTERS": "64 characters",
    "VALUE_DEPTH": "6 deep",
    "CHANNELS_PER_REQUEST": "8 cursors, receipts",
    "RUNS_PER_REQUEST": "64 runs",
    "WANTS_PER_REQUEST": "1,024 wants, bodies",
    "ENTRIES_PER_PAGE": "20,000 items",
    "STRETCHES_PER_REQUEST": "8 cursors, receipts, stretches",
    "LOSSES_PER_REQUEST": "64 runs, losses",
    "SNAPSHOT_RECORDS_PER_PART": "2,000 records",
    "REPLICAS_PER_ENROLMENT": "256 replicas",
    "REPORT_TEXT_CHARACTERS": "500 characters",
    "CLOCK_LEAD_MS": "10 min",
}
"""Constant → as section 19 says it."""


def section(number: int) -> str:
    return re.split(r"^## \d+\. ", TEXT, flags=re.MULTILINE)[number]


def first_cells(number: int) -> list[str]:
    return re.findall(r"^\| (`.*?) +\|", section(number), flags=re.MULTILINE)


@pytest.mark.parametrize("message", ARRAYS)
def test_a_message_has_the_elements_that_are_written(message: type) -> None:
    fields: tuple[str, ...] = message.__struct_fields__  # type: ignore[attr-defined]
    assert f"[{', '.join(fields)}]" in re.sub(r"\s+", " ", TEXT)


def test_every_limit_is_written_as_it_is() -> None:
    constants = {name for name, value in vars(limits).items() if isinstance(value, int)}
    assert set(WRITTEN) == constants - {"INTEGER_HIGHEST"}
    for name, written in WRITTEN.items():
        number, unit = written.replace(",", "").split()[:2]
        assert int(number) * UNITS.get(unit, 1) == getattr(limits, name), name
        assert written in section(19), name


def test_every_code_of_a_refusal_is_written_and_no_other() -> None:
    written, family = set(), ""
    for code in re.findall(r"`([a-z_.]+)`", "\n".join(first_cells(19))):
        family = code.split(".")[0] or family
        written.add(f"{family}.{code.split('.')[1]}")
    assert written == set(errors.WORDS)


def test_every_code_of_a_verdict_is_written_and_no_other() -> None:
    written = [re.split(r"[`:]", cell)[1] for cell in first_cells(6)]
    assert sorted(written) == sorted([*HELD_CODES, *REFUSED_CODES])


def test_every_place_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:tests|hub_server|station_client|vectors)/[\w/.]*)`", TEXT))
    here = Path(sync_protocol.__file__).parent
    assert [each for each in named if not ((ROOT / each).exists() or (here / each).exists())] == []
    tried = re.findall(r"^\| \d+ +\|.*\| (`tests/.*?) +\|$", section(23), flags=re.MULTILINE)
    assert len(tried) == 25
