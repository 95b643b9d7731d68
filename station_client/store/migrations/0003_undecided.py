"""What the county has not accepted is found without a walk through all operations, and the day of a
closing is kept beside the end of its time for late arrivals."""

STATEMENTS = (
    "CREATE INDEX operation_undecided ON operation (channel, record) WHERE verdict < 2",
    "ALTER TABLE channel ADD COLUMN closed_at INTEGER",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    for statement in STATEMENTS:
        db.execute_sql(statement)
