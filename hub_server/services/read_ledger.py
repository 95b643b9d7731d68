"""The work ledger of all stations of one's region (5.4, table D.1), masked by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forms.masking import mask_line
from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.store import Filters

__all__ = ["Filters", "LedgerPage", "LedgerRow", "read_ledger"]


@dataclass(frozen=True)
class LedgerRow:
    """One line: the 16 masked cells in the order of table D.1, and the case behind it."""

    record: bytes
    channel: bytes
    kind: str
    station_code: str
    cells: Sequence[str]
    conflicts: int


@dataclass(frozen=True)
class LedgerPage:
    """A stretch of the ledger, newest day first, and how many lines there are in all."""

    rows: list[LedgerRow]
    count: int


def read_ledger(
    hub: Hub, account: Account, filters: Filters | None = None, limit: int = 50, offset: int = 0
) -> LedgerPage:
    """Lines of the account's region. `text` looks into the cells as they are, not as masked."""
    demand(account, "ledger.read")
    filters = filters or Filters()
    found, count = hub.store.records.ledger(filters, account.region, limit, offset)
    rows = [
        LedgerRow(
            each.record,
            each.channel,
            each.kind,
            each.station_code or "",
            mask_line(each.cells),
            each.conflicts,
        )
        for each in found
    ]
    return LedgerPage(rows, count)
