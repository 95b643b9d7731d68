"""Searching the ledger for a text reads one narrow index from end to end, and no record.

A column of its own would say the same a second time; a word index does not know where the words of
a Chinese text end, and one of three letters does not find names of two.
"""

from typing import Any

from peewee import Database

_BY_DAY = "ledger_date DESC, station_code, record DESC, kind, region, alive, state"
_TEXT = "ledger_date DESC, station_code, record DESC, channel, kind, region, alive, state, cells"


def up(migrator: Any, db: Database) -> None:
    # Of two indexes that would do, SQLite takes the newer: counting needs the one without texts.
    db.execute_sql("DROP INDEX record_by_day")
    db.execute_sql(f"CREATE INDEX record_text ON record ({_TEXT})")
    db.execute_sql(f"CREATE INDEX record_by_day ON record ({_BY_DAY})")
