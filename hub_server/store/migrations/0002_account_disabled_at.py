"""An account can end: nobody signs in with it any more, and its name stays in the audit trail."""

from typing import Any

from peewee import BigIntegerField, Database


def up(migrator: Any, db: Database) -> None:
    migrator.migrate(migrator.add_column("account", "disabled_at", BigIntegerField(null=True)))
