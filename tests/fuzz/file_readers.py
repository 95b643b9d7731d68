"""Every reader of a file or a text that people, disks and other programs hand to us.

Made in a folder of their own: most readers want a path. What a file holds inside (a sheet in an
archive, the slots under a checksum) is mutated there too, and put in its place again.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from forms.loader import load
from forms.registry import builtin_files
from hub_server import outside_journal
from hub_server import witness as hub_witness
from hub_server.keys import make_keys, read_keys
from station_client import old_workbook, reopen, transport, witness
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.services.ledger_file import judge_sheets
from station_client.spreadsheets import read_sheets
from station_client.vault import FORMAT, Vault
from sync_protocol.channel import Cursor
from sync_protocol.operations import Head
from tests.fuzz.leaks import Reader
from tests.fuzz.mutations import lied_in_json
from tests.station_client.desk import PIN
from tests.station_client.ledgers import HEADER, a_csv, a_line, an_xls, an_xlsx

ROWS = [["便民服务站工作台账"], HEADER, *(a_line(n, 申请事项=f"事项“{n}”") for n in range(1, 5))]
SHEET, SHARED = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def readers(folder: Path) -> list[Reader]:
    return [*_station_files(folder), *_answers(), *_ledgers(folder), *_others(folder)]


def _json(
    name: str, read: Callable[[bytes], object], samples: list[bytes], share: float
) -> Iterable[Reader]:
    yield Reader(f"{name}, by bytes", read, samples, share=share / 2)
    yield Reader(f"{name}, by meaning", read, samples, lied_in_json, share=share / 2)


# --- the station's folder ------------------------------------------------------------------------


def _station_files(folder: Path) -> Iterable[Reader]:
    home = Home.open(folder / "station")
    Vault.create(home, b"k" * 16, PIN, DeviceSecret("insecure"))
    whole = home.vault.read_bytes()
    slots = bytes(msgspec.json.decode(whole, type=dict[str, msgspec.Raw])["vault"])

    def read_vault(data: bytes) -> None:
        home.vault.write_bytes(data)
        Vault.open(home).clerk_ids()

    def read_slots(data: bytes) -> None:
        """Under a checksum that fits."""
        checksum = hashlib.sha256(data).hexdigest()
        read_vault(b'{"format":%d,"checksum":"%s","vault":%s}' % (FORMAT, checksum.encode(), data))

    def read_config(data: bytes) -> None:
        (home.folder / "station.json").write_bytes(data)
        Home.open(home.folder)

    def read_running(data: bytes) -> None:
        home.running.write_bytes(data)
        reopen._read(home)

    config = (home.folder / "station.json").read_bytes()
    running = msgspec.json.encode(reopen.Running(8421, "ab" * 32))
    yield from _json("vault.json", read_vault, [whole], 2)
    yield from _json("vault.json, its slots", read_slots, [slots], 2)
    yield from _json("station.json", read_config, [config], 1)
    yield from _json("running.json", read_running, [running], 1)


def _answers() -> Iterable[Reader]:
    """What is answered to a station in other words than the protocol's."""
    key = "ab" * 32
    asked = msgspec.json.encode(reopen.Asked("12" * 32, reopen._proof(key, "ask", "12" * 32)))
    refusal = '{"code":"replica.unknown","message":"请重新启用。"}'.encode()

    def read_refusal(data: bytes) -> None:
        transport._refused(502, data).words()

    yield from _json(
        "a second start", lambda data: reopen.answer(key, data, lambda: "token"), [asked], 3
    )
    yield from _json("the hub's refusal", read_refusal, [refusal], 3)


# --- ledgers -------------------------------------------------------------------------------------


def _ledgers(folder: Path) -> Iterable[Reader]:
    path = folder / "台账"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        judge_sheets(path.name, read_sheets(path))

    texts = [
        a_csv(
            folder / f"{encoding}{n}.csv", ROWS, encoding=encoding, delimiter=delimiter
        ).read_bytes()
        for n, delimiter in enumerate(",\t")
        for encoding in ("utf-8-sig", "gb18030", "utf-16")
    ]
    book = an_xlsx(folder / "a.xlsx", ROWS, ROWS[1:], merged=["A1:P1", "B3:B4"]).read_bytes()
    yield Reader("ledger as text", read, texts, share=1)
    yield Reader("ledger as .xlsx", read, [book], share=1)
    for part in _parts_of(book):
        yield Reader(f"ledger as .xlsx, its {part}", *_inside(book, part, read), share=0.3)
    old = an_xls(folder / "a.xls", ROWS, ROWS[1:]).read_bytes()

    def read_stream(data: bytes) -> None:
        """In a container without a fault."""
        read(old_workbook._container(data))

    yield Reader("ledger as .xls", read, [old], share=1.5)
    yield Reader("ledger as .xls, its stream", read_stream, [old_workbook._stream(old)], share=1.5)


def _parts_of(book: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return [each for each in archive.namelist() if each.startswith(("xl/w", "xl/s", "xl/_"))]


def _inside(
    book: bytes, part: str, read: Callable[[bytes], None]
) -> tuple[Callable[[bytes], None], list[bytes]]:
    """Reads the workbook with another content in this part; and what it held."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def put_back(data: bytes) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, content in {**parts, part: data}.items():
                archive.writestr(name, content)
        read(packed.getvalue())

    return put_back, [parts[part]]


# --- definitions, keys ---------------------------------------------------------------------------


def _witnesses(folder: Path) -> Iterable[Reader]:
    """What they say is believed only where it is whole; damage says nothing."""
    path, file = folder / "station.tail", folder / "hub.witness"
    tail = witness.Witness(path)
    for seq in (7, 8):
        tail.note(Head(b"1" * 16, seq, b"l" * 32))
    tail.close()
    hub = hub_witness.Witness(file)
    for position in (3, 4):
        channel = bytes([position]) * 16
        hub.note([_Stands(Cursor(channel, b"e" * 16, position, b"d" * 32))])

    def read_tail(data: bytes) -> None:
        path.write_bytes(data)
        assert witness.Witness(path).seen in (
            None,
            *(Head(b"1" * 16, n, b"l" * 32) for n in (7, 8)),
        )

    def read_hub(data: bytes) -> None:
        file.write_bytes(data)
        assert {each.position for each in hub_witness.Witness(file).read().values()} <= {3, 4}

    yield Reader("the station's witness", read_tail, [path.read_bytes()], share=0.5)
    yield Reader("the hub's witness", read_hub, [file.read_bytes()], share=0.5)


@dataclass(frozen=True)
class _Stands:
    cursor: Cursor


def _others(folder: Path) -> Iterable[Reader]:
    hub = folder / "hub"
    make_keys(hub, {})
    file = hub / "keys" / "signing.key"

    def read_key(data: bytes) -> None:
        file.write_bytes(data)
        read_keys(hub, {})

    yield Reader(
        "form definition",
        lambda data: load(data, "a.toml"),
        list(builtin_files().values()),
        share=0.5,
    )
    journal = outside_journal.OutsideJournal(folder / "hub.journal")
    lines = [
        outside_journal.Erasure(b"c" * 16, b"r" * 16, 1),
        outside_journal.Lost(b"c" * 16, b"e" * 16, 3, 9),
    ]
    journal.add(*lines)

    def read_journal(data: bytes) -> None:
        journal.path.write_bytes(data)
        journal.read()

    def read_line(told: bytes) -> None:
        """Under a checksum that fits."""
        read_journal(told + b"\t" + outside_journal._checksum(told) + b"\n")

    told = [msgspec.json.encode(each) for each in lines]
    yield Reader("the hub's journal", read_journal, [journal.path.read_bytes()], share=0.5)
    yield from _json("the hub's journal, a line", read_line, told, 1)
    yield from _witnesses(folder)
    yield Reader("key file", read_key, [file.read_bytes()], share=0.5)
