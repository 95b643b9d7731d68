"""The backups that can still be put back, and how far each of them reaches."""

from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, Database, Model


def up(migrator: Any, db: Database) -> None:
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Backup(Base):
        id = BlobField(primary_key=True)
        taken_at = BigIntegerField()
        epoch = BlobField()

    class BackupPosition(Base):
        backup = BlobField()
        channel = BlobField()
        position = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("backup", "channel")

    db.create_tables([Backup, BackupPosition])
