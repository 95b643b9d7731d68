"""A commit encrypts every page that it touches, so what it writes lies together, and only once.

The texts of the ledger come in the order of channel and record, as they arrive: a search reads them
all in whatever order, and by day the lines of one exchange lay on as many pages. An identity is the
operation's name, but for the few copies, which have an index of their own.
"""

from typing import Any

from peewee import Database

_TEXT = "channel, record, ledger_date, station_code, kind, region, alive, state, cells"


def up(migrator: Any, db: Database) -> None:
    db.execute_sql("DROP INDEX operation_identity")
    db.execute_sql("DROP INDEX record_text")
    db.execute_sql(f"CREATE INDEX record_text ON record ({_TEXT})")
