"""Machines that are copied and put back: clones, backups and restores of both ends.

A step is (world, PC, dice) → whether there was anything to do.
"""

from random import Random

from hub_server.services.back_up import back_up
from hub_server.services.draw_epoch import declare_restored
from tests.simulation import traffic
from tests.simulation.cast import PCS_AT_MOST, Pc
from tests.simulation.world import HubImage, Image, World

BACKUPS_KEPT = 2
HUB_BACKUPS_KEPT = 3
COPIED_WHILE_IT_RAN = 0.5


def clone(world: World, pc: Pc, dice: Random) -> bool:
    """The whole PC, copied to another machine: both go on, the copy perhaps as another clerk's."""
    if len(world.pcs) >= PCS_AT_MOST:
        return False
    world.add(_image(world, pc).of)
    if dice.random() < COPIED_WHILE_IT_RAN:  # the copy begins behind its reserved numbers
        pc.station.has_asked = True
    return True


def back_up_pc(world: World, pc: Pc, dice: Random) -> bool:
    world.images[pc] = [*world.images.get(pc, ()), _image(world, pc)][-BACKUPS_KEPT:]
    return True


def restore_pc(world: World, pc: Pc, dice: Random) -> bool:
    """Its database put back from a backup; what lies beside it, the tail witness too, stays."""
    return _restore(world, pc, dice, whole=False)


def restore_pc_whole(world: World, pc: Pc, dice: Random) -> bool:
    """The whole machine put back from an image: nothing on it shows that."""
    return _restore(world, pc, dice, whole=True)


def _image(world: World, pc: Pc) -> Image:
    folder = world.new_folder()
    pc.stop()
    world.disks.copy(pc.home.folder, folder)
    world.start(pc)
    return Image(folder, pc.copied_to(folder))


def _restore(world: World, pc: Pc, dice: Random, *, whole: bool) -> bool:
    if not world.images.get(pc):
        return False
    image = dice.choice(world.images[pc])
    before = _own_chain(pc)
    pc.stop()
    if whole:
        world.disks.forget(pc.home.folder)
        world.disks.copy(image.folder, pc.home.folder)
    else:
        world.disks.put_back(image.folder / pc.home.database.name, pc.home.database)
    pc.remember(image.of)
    pc.page, pc.was_closed = None, False
    world.forget_pages(pc)
    world.start(pc)
    # An image of the whole machine does not know what was written since; and of what another
    # branch of the chain has in its place nobody can say that it is missing.
    held, places = _own(pc), _places(pc)
    gone = {root: at for root, at in before.items() if root not in held and at not in places}
    pc.lost = {} if whole else gone
    return True


def _own_chain(pc: Pc) -> dict[bytes, tuple[bytes, int]]:
    """Fact → replica and seq, of the chain that this PC writes now."""
    replica = pc.station.keys.replica
    rows = pc.station.store.database.rows(
        "SELECT body_digest, seq FROM operation WHERE replica = ? AND link IS NOT NULL", replica
    )
    return {row["body_digest"]: (replica, row["seq"]) for row in rows}


def _own(pc: Pc) -> set[bytes]:
    rows = pc.station.store.database.rows(
        "SELECT body_digest FROM operation WHERE link IS NOT NULL"
    )
    return {row["body_digest"] for row in rows}


def _places(pc: Pc) -> set[tuple[bytes, int]]:
    rows = pc.station.store.database.rows(
        "SELECT replica, seq FROM operation WHERE link IS NOT NULL"
    )
    return {(row["replica"], row["seq"]) for row in rows}


# --- the hub -------------------------------------------------------------------------------------


def back_up_hub(world: World, pc: Pc, dice: Random) -> bool:
    """By the product's own command: onto another disk, proven, the oldest deleted."""
    folder = world.folder / "backups"
    folder.mkdir(exist_ok=True)
    back_up(world.hub, folder / f"{len(world.backups):04}.db", HUB_BACKUPS_KEPT)
    world.backups.append(folder / f"{len(world.backups):04}.db")
    return True


def restore_hub(world: World, pc: Pc, dice: Random) -> bool:
    """One of the backups that are kept is put back, as the manual says."""
    kept = [path for path in world.backups[-HUB_BACKUPS_KEPT:] if path.exists()]
    if not kept:
        return False
    world.restore_hub(dice.choice(kept))
    return True


def restore_hub_untold(world: World, pc: Pc, dice: Random) -> bool:
    """Somebody puts an image of the database back and tells nobody; the witness beside it stays."""
    return _restore_image(world, dice, witness=False)


def restore_hub_whole(world: World, pc: Pc, dice: Random) -> bool:
    """The witness is put back with it: only what the stations show can tell, and those that saw
    more come first. Where none did the county says so: a position that is given out twice in one
    epoch is a rewrite, and raises the alarm."""
    if not _restore_image(world, dice, witness=True):
        return False
    witnesses = [pc for pc in world.pcs if pc.saw_more_than(world.hub)]
    for each in witnesses:
        traffic.exchange(world, each, dice)
    if not witnesses:
        declare_restored(world.hub, world.cast.admin)
    return True


def declare_hub_restored(world: World, pc: Pc, dice: Random) -> bool:
    """The whole machine is put back, and the county says so before it answers anybody."""
    restored = _restore_image(world, dice, witness=True, is_told=True)
    if restored:
        declare_restored(world.hub, world.cast.admin)
    return restored


def image_of_hub(world: World, pc: Pc, dice: Random) -> bool:
    """An image of the hub's machine, by nobody's command."""
    world.hub.store.close()
    folder = world.new_folder()
    world.disks.copy(world.hub.home, folder)
    world.start_hub()
    image = HubImage(folder, len(world.backups), world.is_upgraded)
    world.hub_images = [*world.hub_images, image][-BACKUPS_KEPT:]
    return True


def _restore_image(world: World, dice: Random, *, witness: bool, is_told: bool = False) -> bool:
    """None that is older than the oldest backup: the manual forbids it, stations let go by that.
    Nor one of another program, where only the stations can tell: it judges before they come."""
    oldest = max(0, len(world.backups) - HUB_BACKUPS_KEPT)
    usable = [
        image.folder
        for image in world.hub_images
        if (image.backups_before > oldest or not world.backups)
        and (is_told or not witness or image.is_upgraded == world.is_upgraded)
    ]
    if not usable:
        return False
    world.restore_hub_image(dice.choice(usable), witness=witness)
    return True
