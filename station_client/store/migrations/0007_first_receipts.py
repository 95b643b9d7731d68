"""What an earlier program applied is proven by the one receipt that it kept of each channel."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql(
        "INSERT OR IGNORE INTO receipt (channel, position, receipt)"
        " SELECT id, position, receipt FROM channel WHERE receipt IS NOT NULL"
    )
