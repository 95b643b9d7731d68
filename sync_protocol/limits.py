"""Every bound of the protocol, as a constant beside the reason for its size.

Each loop over what a peer sent is bounded by one of these. What exceeds a limit is refused with a
code (see errors.py); nothing is cut short silently. What a stranger may send is bounded where it
is declared: a longer list is refused before one element of it is made.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

# One exchange must fit through a bank's proxy and a 30 kbit/s line in minutes, not hours.
REQUEST_BYTES = 4 * 1024 * 1024
REPLY_BYTES = 4 * 1024 * 1024

# What a request or a reply may unpack to: a ledger compresses about nine times, a bomb a thousand.
UNPACKED_BYTES = 32 * 1024 * 1024

# Operation bytes a sender puts into one exchange at most, before compression, and at least:
# batches start at the default, are halved when an exchange fails and doubled when one succeeds.
# The lowest is about one operation: a proxy that lets no more pass still lets everything pass.
BATCH_BYTES = 1024 * 1024
BATCH_BYTES_LOWEST = 512
BATCH_BYTES_HIGHEST = 8 * 1024 * 1024
BATCH_OPERATIONS = 10_000

# One operation is one act of a clerk. Complaints run to several thousand characters and a seal
# image to some hundred kilobytes of text; a body beyond this is refused, and the chain goes on.
HEADER_BYTES = 512
BODY_BYTES = 512 * 1024
WRITES_PER_OPERATION = 512
NAMES_PER_OPERATION = 4096
FIELD_NAME_CHARACTERS = 128
KIND_CHARACTERS = 64
VALUE_DEPTH = 6

# A request speaks of the station's own channel and its region's; the rest is room to grow.
CHANNELS_PER_REQUEST = 8
RUNS_PER_REQUEST = 64
WANTS_PER_REQUEST = 1024
ENTRIES_PER_PAGE = 20_000

# What a restored hub lost is offered in pieces that each end at a receipt; a page was one piece.
STRETCHES_PER_REQUEST = 8
LOSSES_PER_REQUEST = 64
SNAPSHOT_RECORDS_PER_PART = 2_000

# A PC mints when it was put back or copied: a few times in its life. One that does so every week
# for five years is at this bound; then the county enrols it anew.
REPLICAS_PER_ENROLMENT = 256
REPORT_TEXT_CHARACTERS = 500

# A stamp may run ahead of the hub's clock by this much before the entry carries a smaller one:
# honest PCs drift by minutes; a PC that is a year ahead must not win every tie for a year.
CLOCK_LEAD_MS = 10 * 60 * 1000

# Numbers that travel stay below what every language holds exactly (2^53).
INTEGER_HIGHEST = 2**53 - 1
Id = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Natural = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_HIGHEST)]
Moment = Annotated[int, msgspec.Meta(ge=-INTEGER_HIGHEST, le=INTEGER_HIGHEST)]
