"""What of a record is pending is counted among its operations, so that no row is written for it."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql("ALTER TABLE record DROP COLUMN pending")
