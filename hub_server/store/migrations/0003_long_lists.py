"""Indexes for lists that grow with the years: the ledger by day, a channel's verdicts.

The first holds everything that the ledger is filtered by, so that counting it and turning to a late
page reads no record in full.
"""

from typing import Any

from peewee import Database

_BY_DAY = "ledger_date DESC, station_code, record DESC, kind, region, alive, state"


def up(migrator: Any, db: Database) -> None:
    db.execute_sql(f"CREATE INDEX record_by_day ON record ({_BY_DAY})")
    db.execute_sql("CREATE INDEX operation_by_verdict ON operation (channel, verdict)")
