"""What a third party needs to check the journal: signed heads of branches, the link before an
operation that does not follow its chain, and what a minted replica was introduced by.
"""

from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, Database, Model


def up(migrator: Any, db: Database) -> None:
    class BranchHead(Model):
        replica = BlobField()
        seq = BigIntegerField()
        link = BlobField()
        signature = BlobField()

        class Meta:
            database = db
            legacy_table_names = False
            primary_key = CompositeKey("replica", "seq", "link")

    db.create_tables([BranchHead])
    migrator.migrate(
        migrator.add_column("operation", "base", BlobField(null=True)),
        migrator.add_column("replica", "introduction", BlobField(null=True)),
    )
