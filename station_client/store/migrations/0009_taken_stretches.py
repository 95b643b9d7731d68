"""A stretch is kept with the epoch of the hub that took it, until that has brought it back."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql("ALTER TABLE stretch ADD COLUMN taken_in BLOB")
