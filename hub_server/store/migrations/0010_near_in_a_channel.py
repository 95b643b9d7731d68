"""What one exchange writes lies close together: bodies are looked up within a channel, and of the
accepted, which are nearly all, nobody asks by their verdict.
"""

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    db.execute_sql("DROP INDEX operation_by_verdict")
    db.execute_sql("DROP INDEX operation_body_digest")
    db.execute_sql("CREATE INDEX operation_body ON operation (channel, body_digest)")
    # Of two indexes that would do, SQLite takes the newer: what lacks its body is found by this.
    db.execute_sql("DROP INDEX operation_bodiless")
    db.execute_sql("CREATE INDEX operation_bodiless ON operation (channel) WHERE body IS NULL")
