"""What forks, restores of either end, erasures and snapshots need: receipts on the way, what lay
above the common position, what was lost, what is erased, and what a snapshot left out."""

STATEMENTS = (
    """CREATE TABLE receipt (
        channel BLOB NOT NULL,
        position INTEGER NOT NULL,
        receipt BLOB NOT NULL,
        PRIMARY KEY (channel, position)
    ) WITHOUT ROWID""",
    """CREATE TABLE stretch (
        number INTEGER PRIMARY KEY,
        channel BLOB NOT NULL,
        base BLOB NOT NULL,
        entries BLOB NOT NULL,
        receipt BLOB NOT NULL
    )""",
    """CREATE TABLE kept (
        identity BLOB PRIMARY KEY,
        channel BLOB NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE loss (
        replica BLOB NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (replica, first)
    ) WITHOUT ROWID""",
    """CREATE TABLE erased (
        channel BLOB NOT NULL,
        record BLOB NOT NULL,
        PRIMARY KEY (channel, record)
    ) WITHOUT ROWID""",
    """CREATE TABLE based (
        identity BLOB PRIMARY KEY,
        channel BLOB NOT NULL,
        verdict INTEGER NOT NULL,
        code TEXT NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE replaced (
        channel BLOB NOT NULL,
        record BLOB NOT NULL,
        register TEXT NOT NULL,
        name BLOB NOT NULL,
        PRIMARY KEY (channel, record, register, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE spent (
        identity BLOB PRIMARY KEY,
        channel BLOB NOT NULL,
        record BLOB NOT NULL
    ) WITHOUT ROWID""",
    "ALTER TABLE channel ADD COLUMN base BLOB",
    "ALTER TABLE channel ADD COLUMN snapshot BLOB",
    "CREATE INDEX operation_lacking ON operation (channel, record, body_digest) WHERE body IS NULL",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    for statement in STATEMENTS:
        db.execute_sql(statement)
