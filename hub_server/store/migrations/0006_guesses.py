"""Wrong passwords are counted by account and network: a stranger shuts nobody else out."""

from typing import Any

from peewee import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    Database,
    IntegerField,
    Model,
)


def up(migrator: Any, db: Database) -> None:
    class Guess(Model):
        account = BlobField()
        network = CharField()
        failures = IntegerField()
        locked_until = BigIntegerField()
        failed_at = BigIntegerField()
        signed_in_at = BigIntegerField()

        class Meta:
            database = db
            primary_key = CompositeKey("account", "network")

    db.create_tables([Guess])
