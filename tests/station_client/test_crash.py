"""Promise 1 with a real process that is killed: what was said to be saved is there, and whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from station_client.store import open_store
from tests.station_client import desk

RECORD_FOR_EVER = """
import sys
from pathlib import Path
from station_client.services.record_entry import record_entry
from tests.station_client import desk

station = desk.a_station(Path(sys.argv[1]))
print(station.unlocked.data_key.hex(), flush=True)
while True:
    print(record_entry(station, "intake_case", desk.a_case()).hex(), flush=True)
"""


@pytest.mark.parametrize("saved", [1, 60])
def test_every_entry_that_was_said_to_be_saved_survives_a_kill(tmp_path: Path, saved: int) -> None:
    command = [sys.executable, "-c", RECORD_FOR_EVER, str(tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=desk.ROOT, text=True) as desk_pc:
        assert desk_pc.stdout is not None
        key = bytes.fromhex(desk_pc.stdout.readline())
        told = [desk_pc.stdout.readline().strip() for _ in range(saved)]
        desk_pc.kill()
        # A last line may be cut in the middle: then nobody was told.
        told += [line.strip() for line in desk_pc.stdout if line.endswith("\n")]
    store = open_store(tmp_path / "home" / "station.db", key)
    shown = {row.id.hex() for row in store.records.all(b"c" * 16)}
    _, unsent = store.journal.outbox(b"1" * 16, 10_000)
    operations = list(unsent)
    assert len(told) >= saved
    assert set(told) <= shown
    assert {operation.header.record.hex() for operation in operations} == shown
    assert [operation.header.seq for operation in operations] == list(range(1, len(shown) + 1))
    store.close()
