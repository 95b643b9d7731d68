"""What restores, erasures, revocations and minted replicas leave behind, and how it is found."""

from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, Database, Model, TextField


def up(migrator: Any, db: Database) -> None:
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Epoch(Base):
        channel = BlobField()
        position = BigIntegerField()
        data = BlobField()

        class Meta:
            primary_key = CompositeKey("channel", "position")

    class Erased(Base):
        channel = BlobField()
        record = BlobField()
        at = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("channel", "record")

    class Revoked(Base):
        enrolment = BlobField(primary_key=True)
        reason = TextField()
        at = BigIntegerField()

    class Loss(Base):
        replica = BlobField()
        first = BigIntegerField()
        last = BigIntegerField()
        at = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("replica", "first", "last")

    db.create_tables([Epoch, Erased, Revoked, Loss])
    # An enrolment has as many replicas as its PC minted.
    db.execute_sql("DROP INDEX replica_enrolment")
    db.execute_sql("CREATE INDEX replica_enrolment ON replica (enrolment)")
    migrator.migrate(migrator.add_column("replica", "parent", BlobField(null=True)))
    # Empty for most channels: what every exchange asks of them costs nothing.
    copies = "operation (channel, identity) WHERE identity <> name"
    db.execute_sql(f"CREATE INDEX operation_copies ON {copies}")
    db.execute_sql("CREATE INDEX operation_bodiless ON operation (channel) WHERE body IS NULL")
    db.execute_sql("CREATE INDEX backup_position_channel ON backup_position (channel)")
