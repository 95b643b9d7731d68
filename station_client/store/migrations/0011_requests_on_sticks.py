"""A request is kept for a reply on a stick alone: over the line it comes at once or never."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql("DELETE FROM request WHERE carrier = 'http'")
