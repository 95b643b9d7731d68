"""Indexes for a county of many stations: what is held or refused is found without the accepted."""

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    db.execute_sql(
        "CREATE INDEX operation_undecided ON operation (channel, verdict) WHERE verdict < 2"
    )
