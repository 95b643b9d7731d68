"""Counting the ledger's lines by status reads an index alone; so does finding what must be mended.

Forgets who made the rows of `record`: they are made anew at the next start, with what is new here.
"""

STATEMENTS = (
    "ALTER TABLE record ADD COLUMN status TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE record ADD COLUMN marked INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX record_of_day",
    "CREATE INDEX record_of_day ON record (day, created_at, status)",
    "DROP INDEX record_returned",
    "CREATE INDEX record_to_correct ON record (id) WHERE refused > 0 OR returned > 0",
    "CREATE INDEX record_marked ON record (day) WHERE marked > 0",
    "DELETE FROM fact WHERE name = 'shown_by'",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    for statement in STATEMENTS:
        db.execute_sql(statement)
