"""The first tables. Append-only: what a released program has run is never edited."""

TABLES = """
CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE channel (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    region TEXT NOT NULL,
    epoch BLOB NOT NULL,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL,
    head INTEGER NOT NULL,
    covered INTEGER NOT NULL,
    receipt BLOB,
    receipt_at INTEGER,
    parted TEXT NOT NULL,
    closed_until INTEGER
) WITHOUT ROWID;

CREATE TABLE hub_replica (
    replica BLOB PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE entry (
    channel BLOB NOT NULL,
    position INTEGER NOT NULL,
    data BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (channel, position)
) WITHOUT ROWID;

CREATE TABLE operation (
    name BLOB NOT NULL UNIQUE,
    identity BLOB NOT NULL,
    channel BLOB NOT NULL,
    record BLOB NOT NULL,
    replica BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    form_version INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    clerk BLOB NOT NULL,
    header BLOB NOT NULL,
    body BLOB,
    body_digest BLOB NOT NULL,
    link BLOB,
    by_hub INTEGER NOT NULL,
    position INTEGER,
    verdict INTEGER,
    code TEXT NOT NULL,
    effective INTEGER,
    at INTEGER
);
CREATE INDEX operation_of_record ON operation (channel, record);
CREATE INDEX operation_of_chain ON operation (replica, seq);
CREATE INDEX operation_of_identity ON operation (identity);
CREATE INDEX operation_unsent ON operation (replica, seq) WHERE position IS NULL;

CREATE TABLE record (
    channel BLOB NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    form_version INTEGER NOT NULL,
    alive TEXT NOT NULL,
    payload BLOB NOT NULL,
    cells BLOB,
    day TEXT NOT NULL,
    title TEXT NOT NULL,
    case_no TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    held INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    PRIMARY KEY (id, channel)
) WITHOUT ROWID;
CREATE INDEX record_of_kind ON record (kind, created_at);
CREATE INDEX record_of_day ON record (day, created_at) WHERE cells IS NOT NULL;
CREATE INDEX record_in_conflict ON record (conflicts) WHERE conflicts > 0;
CREATE INDEX record_at_odds ON record (id) WHERE held > 0 OR refused > 0;
CREATE INDEX record_returned ON record (id) WHERE returned > 0;

CREATE TABLE item (
    record BLOB PRIMARY KEY,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    department TEXT NOT NULL,
    initials TEXT NOT NULL,
    payload BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE case_sequence (
    day TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE request (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    payload BLOB NOT NULL,
    carrier TEXT NOT NULL,
    made_at INTEGER NOT NULL
);
"""


def up(migrator, db):  # type: ignore[no-untyped-def]
    for statement in TABLES.split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
