"""An operation is found by its name within its channel: the names of one desk lie together, where
those of the whole county lay each on a page of its own.
"""

from typing import Any

from peewee import Database

_COLUMNS = (
    "name, identity, channel, replica, seq, link, record, header, body, body_digest, by_hub,"
    " position, verdict, code, effective, base"
)
_TABLE = """
    CREATE TABLE operation (
        name BLOB NOT NULL,
        identity BLOB NOT NULL,
        channel BLOB NOT NULL,
        replica BLOB NOT NULL,
        seq INTEGER NOT NULL,
        link BLOB NOT NULL,
        record BLOB NOT NULL,
        header BLOB NOT NULL,
        body BLOB,
        body_digest BLOB NOT NULL,
        by_hub INTEGER NOT NULL,
        position INTEGER NOT NULL,
        verdict INTEGER NOT NULL,
        code VARCHAR(255) NOT NULL,
        effective INTEGER NOT NULL,
        base BLOB
    )
"""
_INDEXES = (
    "SELECT sql FROM sqlite_master"
    " WHERE type = 'index' AND tbl_name = 'operation' AND sql IS NOT NULL ORDER BY rowid"
)


def up(migrator: Any, db: Database) -> None:
    indexes = [sql for (sql,) in db.execute_sql(_INDEXES).fetchall()]
    db.execute_sql("ALTER TABLE operation RENAME TO operation_before")
    db.execute_sql(_TABLE)
    copied = f"INSERT INTO operation ({_COLUMNS}) SELECT {_COLUMNS} FROM operation_before"
    db.execute_sql(f"{copied} ORDER BY rowid")
    db.execute_sql("DROP TABLE operation_before")
    db.execute_sql("CREATE UNIQUE INDEX operation_name ON operation (channel, name)")
    # Of two indexes that would do, SQLite takes the newer: they are made in their order.
    for sql in indexes:
        db.execute_sql(sql)
