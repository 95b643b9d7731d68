"""The same world in a process of its own that is killed: both ends at once, at whatever they do.

Opened again, everything that was said to be saved is there, and all promises hold at rest.
"""

import pickle
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from tests.simulation.cast import make_cast
from tests.simulation.ending import come_to_rest
from tests.simulation.rest_of_hub import rows
from tests.simulation.world import World, seeded
from tests.station_client.desk import ROOT

WORK_FOR_EVER = """
import pickle, sys
from pathlib import Path
from random import Random
from tests.simulation.steps import take
from tests.simulation.test_killed import STEPS_OF_A_DAY
from tests.simulation.world import World

cast = pickle.loads(Path(sys.argv[1]).read_bytes())
dice = Random(int(sys.argv[3]))
world = World(cast, Path(sys.argv[2]), 0)
while True:
    take(world, dice.choice(STEPS_OF_A_DAY), dice.randrange(3), Random(dice.random()))
    for at, pc in enumerate(world.pcs):
        for record in pc.told:
            print(at, record.hex(), flush=True)
        pc.told.clear()
"""

STEPS_OF_A_DAY = (
    "record", "record", "amend", "amend", "exchange", "exchange", "correct", "send_back",
    "publish", "settle", "write_stick", "stick_at_hub", "stick_comes_back",
)  # fmt: skip


@pytest.mark.parametrize("said_before", [1, 4, 9, 15])
def test_both_ends_killed_at_work_keep_every_promise(tmp_path: Path, said_before: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        cast = make_cast(tmp_path / "cast", patch)
    (tmp_path / "cast.pickle").write_bytes(pickle.dumps(cast))
    arguments = [tmp_path / "cast.pickle", tmp_path / "world", said_before]
    command = [sys.executable, "-c", WORK_FOR_EVER, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as work:
        assert work.stdout is not None
        said = [work.stdout.readline() for _ in range(said_before)]
        work.kill()
        said += [line for line in work.stdout if line.endswith("\n")]
    assert work.returncode == -9
    with seeded(Random(said_before)):
        world = World(cast, tmp_path / "world", 0)
        # Who was killed may have worked for long: the clocks go on from there.
        placed = rows(world.hub, "SELECT data FROM entry")
        times = [msgspec.msgpack.decode(data)[-1] for (data,) in placed]
        world.now = world.latest = max([world.now, world.latest, *times])
        for who, record in map(str.split, said):
            world.pcs[int(who)].told.append(bytes.fromhex(record))
        for pc in world.pcs:
            world.note_saved(pc, "unseen")
            world.onlooker.check_told(pc)
        # Nobody looked on as it was written: who had seen what is not known.
        come_to_rest(world, looked_on=False)
        world.close()
