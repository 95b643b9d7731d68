"""What was declared as lost is told again to a hub that goes on in another epoch."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql("ALTER TABLE loss ADD COLUMN told_in BLOB")
