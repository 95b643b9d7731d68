"""A planted bug: what a rule says, where it stands, and what is there without it.

Only tests import this: the programs have no such switch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """`scene` is what happens first in the stories about a rule that breaks only when rare things
    meet: steps as "kind:who kind:who …"; `tail`, how many random steps follow it."""

    rule: str
    owner: object
    attribute: str
    without: object
    scene: str = ""
    tail: int = 20

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The programs without this rule."""
        kept = vars(self.owner)[self.attribute]
        setattr(self.owner, self.attribute, self.without)
        try:
            yield
        finally:
            setattr(self.owner, self.attribute, kept)
