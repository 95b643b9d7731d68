"""The first schema. A frozen copy of the tables as they were: later changes are later files."""

from typing import Any

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    Database,
    IntegerField,
    Model,
    TextField,
)


def up(migrator: Any, db: Database) -> None:
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Meta(Base):
        name = CharField(primary_key=True)
        value = BlobField()

    class Account(Base):
        id = BlobField(primary_key=True)
        name = CharField(unique=True)
        role = CharField()
        region = CharField()
        password = TextField()
        failures = IntegerField()
        locked_until = BigIntegerField()
        created_at = BigIntegerField()

    class Audit(Base):
        at = BigIntegerField(index=True)
        account = BlobField()
        account_name = CharField()
        region = CharField(index=True)
        action = CharField()
        target = CharField()
        facts = TextField()

    class Channel(Base):
        id = BlobField(primary_key=True)
        kind = CharField()
        region = CharField(index=True)
        station_code = CharField(null=True)
        epoch = BlobField()
        position = BigIntegerField()
        digest = BlobField()
        closing = BlobField(null=True)

    class Entry(Base):
        channel = BlobField()
        position = BigIntegerField()
        data = BlobField()
        digest = BlobField()
        operation = BlobField(null=True)

        class Meta:
            primary_key = CompositeKey("channel", "position")

    class Chain(Base):
        replica = BlobField(primary_key=True)
        channel = BlobField(index=True)
        is_hub = BooleanField()
        frozen = BooleanField()
        head_seq = BigIntegerField()
        head_link = BlobField()
        signed_seq = BigIntegerField()
        signed_link = BlobField(null=True)
        signature = BlobField(null=True)

    class Operation(Base):
        name = BlobField(primary_key=True)
        identity = BlobField(index=True)
        channel = BlobField()
        replica = BlobField()
        seq = BigIntegerField()
        link = BlobField()
        record = BlobField()
        header = BlobField()
        body = BlobField(null=True)
        body_digest = BlobField(index=True)
        by_hub = BooleanField()
        position = BigIntegerField()
        verdict = IntegerField()
        code = CharField(max_length=255)
        effective = BigIntegerField()

        class Meta:
            indexes = ((("replica", "seq"), False), (("channel", "record"), False))

    class Record(Base):
        channel = BlobField()
        record = BlobField()
        kind = CharField()
        form_version = IntegerField()
        station_code = CharField(null=True)
        region = CharField()
        version = BlobField()
        values = TextField()
        conflicts = IntegerField()
        alive = BooleanField()
        open_case = BooleanField()
        state = CharField()
        ledger_date = CharField()
        cells = TextField()
        changed_at = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("channel", "record")
            indexes = (
                (("kind", "region"), False),
                (("station_code", "ledger_date"), False),
            )

    class Station(Base):
        code = CharField(primary_key=True)
        name = CharField()
        region = CharField(index=True)
        state = CharField()
        channel = BlobField(unique=True)
        card = BlobField()
        opened_at = BigIntegerField()
        devices = IntegerField()

    class Replica(Base):
        id = BlobField(primary_key=True)
        enrolment = BlobField(unique=True)
        station_code = CharField(index=True)
        channel = BlobField()
        signing = BlobField()
        sealing = BlobField()
        device = CharField(max_length=400)
        device_number = IntegerField()
        standing = CharField()
        certificate = BlobField()
        enrolled_at = BigIntegerField()
        last_contact = BigIntegerField(null=True)
        device_time = BigIntegerField(null=True)
        own_seq = BigIntegerField()
        report = TextField(null=True)

    class Request(Base):
        replica = BlobField()
        number = BigIntegerField()
        digest = BlobField()

        class Meta:
            primary_key = CompositeKey("replica", "number")

    class Countersignature(Base):
        replica = BlobField()
        channel = BlobField()
        epoch = BlobField()
        position = BigIntegerField()
        digest = BlobField()
        signature = BlobField()
        at = BigIntegerField()

        class Meta:
            primary_key = CompositeKey("replica", "channel")

    class Code(Base):
        id = BlobField(primary_key=True)
        key = BlobField()
        station_code = CharField(index=True)
        created_at = BigIntegerField()
        expires_at = BigIntegerField()
        failures = IntegerField()
        used_by = BlobField(null=True)

    class Application(Base):
        number = CharField(primary_key=True)
        record = BlobField(unique=True)
        check_salt = BlobField()
        check_hash = BlobField()
        created_at = BigIntegerField()

    class Agreement(Base):
        record = BlobField(primary_key=True)
        no = CharField()
        kind = CharField()
        signed_on = CharField()
        valid_to = CharField()
        recorded_by = BlobField()
        recorded_at = BigIntegerField()

    db.create_tables(
        [
            Meta,
            Account,
            Audit,
            Channel,
            Entry,
            Chain,
            Operation,
            Record,
            Station,
            Replica,
            Request,
            Countersignature,
            Code,
            Application,
            Agreement,
        ]
    )
