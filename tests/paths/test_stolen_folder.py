"""A stolen station folder: no name, telephone number or matter in any byte of it.

The folder is taken while the program runs, so that the WAL, the logs and whatever lies beside them
come along. The same search over an unencrypted database shows that it would find them.
"""

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.import_ledger import import_ledger
from station_client.services.record_entry import record_entry
from station_client.station import Station
from tests.conftest import ROOT
from tests.station_client import desk

SAMPLE = ROOT / "packaging" / "sample" / "ledger_sample.csv"
NAME, OLD_PHONE, NEW_PHONE = "欧阳钱𬱖", "13900007701", "13900007702"
MATTER, QUESTION = "高龄津贴申请", "异地居住的老人如何认证"
IMPORTED_NAME = "白晓云"
SECRETS = (NAME, OLD_PHONE, NEW_PHONE, MATTER, QUESTION, IMPORTED_NAME, desk.PIN)
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be", "utf-32-le")


def found_in(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, secret) wherever a secret stands in a file's bytes or name, in any usual encoding."""
    for file in folder.rglob("*"):
        data = file.name.encode() + (file.read_bytes() if file.is_file() else b"")
        for secret in SECRETS:
            if any(secret.encode(encoding) in data for encoding in ENCODINGS):
                yield file.name, secret


def a_busy_day(station: Station, folder: Path) -> None:
    """Everything that writes: a case, a correction, an import, an exchange that fails, its log."""
    values = desk.a_helper_case(
        applicant_name=NAME, contact_phone=OLD_PHONE, task_name=MATTER, question=QUESTION
    )
    record = record_entry(station, "helper_case", values)
    amend_entry(station, record, {"contact_phone": NEW_PHONE})
    import_ledger(station, Path(shutil.copy(SAMPLE, folder)), lambda done, total: None)
    with pytest.raises(StationError) as refused:
        record_entry(station, "helper_case", {**values, "contact_phone": f"{NAME}{OLD_PHONE}"})
    logging.getLogger("station_client").warning("not saved: %s", refused.value)
    with pytest.raises(StationError) as failed:
        exchange_with_hub(station)
    logging.getLogger("station_client").warning("exchange failed: %s", failed.value)


class HubIsDown:
    def fetch_card(self) -> bytes:
        raise StationError("transport.down")

    def enrol(self, data: bytes) -> bytes:
        raise StationError("transport.down")

    def exchange(self, data: bytes) -> bytes:
        raise StationError("transport.down")


def test_no_byte_of_a_stolen_folder_tells_a_name_a_number_or_a_matter(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home", transport=HubIsDown())
    handler = RotatingFileHandler(station.home.logs / "station.log", encoding="utf-8")
    logging.getLogger("station_client").addHandler(handler)
    try:
        a_busy_day(station, tmp_path)
        stolen = Path(shutil.copytree(station.home.folder, tmp_path / "stolen"))
    finally:
        logging.getLogger("station_client").removeHandler(handler)
        handler.close()
        station.close()
    names = {file.name for file in stolen.rglob("*") if file.is_file() and file.stat().st_size}
    assert {"station.db", "station.db-wal", "vault.json", "station.log"} <= names
    assert list(found_in(stolen)) == []


def test_the_search_finds_them_in_a_database_without_encryption(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "station.db")) as plain:
        plain.execute("CREATE TABLE cases (name TEXT, phone TEXT)")
        plain.execute("INSERT INTO cases VALUES (?, ?)", (NAME, OLD_PHONE))
        plain.commit()
    assert {secret for _, secret in found_in(folder)} == {NAME, OLD_PHONE}
