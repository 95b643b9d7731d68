"""At rest, what an auditor gets: every channel's archive stands, against the receipts of every PC.

The verifier knows nothing of the programs: it says so where they and PROTOCOL.md differ.
"""

import io
from collections.abc import Iterable

import msgspec

from hub_server.hub import Hub
from hub_server.services.write_archive import archived
from hub_server.verify import Fault, Verifier
from sync_protocol.channel import EpochEntry, read_entry
from tests.simulation.cast import Pc
from tests.simulation.promises import Violation


def check_archives(hub: Hub, pcs: Iterable[Pc], *, is_hub_set_back: bool) -> None:
    """Promise 7: nothing that these ends wrote or signed is found to be altered. A hub whose clock
    was set back is not asked for what it signed in an epoch that it lost as a whole."""
    receipts = [each for pc in pcs for each in pc.station.store.channels.receipts()]
    for channel in hub.store.journal.channels():
        read = map(read_entry, hub.store.epochs.of(channel.id))
        ended = {each.old_epoch for each in read if isinstance(each, EpochEntry)}
        own = [
            each
            for each in receipts
            if each.cursor.channel == channel.id
            and not (is_hub_set_back and each.cursor.epoch not in {channel.epoch, *ended})
        ]
        witnesses = msgspec.to_builtins(own, builtin_types=(bytes,))
        try:
            Verifier(witnesses).read(io.BytesIO(b"".join(archived(hub, channel))))
        except Fault as fault:
            raise Violation(7, f"an archive is refused: {fault.code}") from fault
