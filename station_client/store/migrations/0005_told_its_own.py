"""Whether the hub told this PC an operation of its own that was not written here is asked at every
exchange: found without a walk through all that was."""


def up(migrator, db):  # type: ignore[no-untyped-def]
    db.execute_sql("CREATE INDEX operation_told ON operation (replica) WHERE link IS NULL")
