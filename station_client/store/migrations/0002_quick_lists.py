"""Counting the ledger's lines reads an index alone, and so does finding what must be corrected."""

STATEMENTS = (
    "DROP INDEX record_of_day",
    "CREATE INDEX record_of_day ON record (day, created_at)",
    "DROP INDEX record_returned",
    "CREATE INDEX record_to_correct ON record (id) WHERE refused > 0 OR returned > 0",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    for statement in STATEMENTS:
        db.execute_sql(statement)
