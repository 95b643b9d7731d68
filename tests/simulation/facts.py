"""What everybody wrote, by fact: one act of a clerk or an officer, however often and under whatever
name it travels.

A fact is told apart by the digest of its body, in which sixteen random bytes stand: so a name, a
chain or a copy that is wrong in the programs is not wrong here. Read from the stores beside the
services.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub_server.hub import Hub
from sync_protocol import operations
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Write
from tests.simulation.recompute import ACCEPTED

Policy = Callable[[str], str]


@dataclass(frozen=True)
class Fact:
    """One act. `enrolment` of the PC, empty for the county's; `at` the true time, ms.

    `seen`: register it wrote → the facts that stood there on its author's page; `beneath`: all
    facts about the record on its author's disk; `intent`: "" or how the program that wrote it was
    wrong; `is_late`: written at a desk that knew it was closed.
    """

    root: bytes
    enrolment: bytes
    record: bytes
    body: bytes
    at: int
    seen: Mapping[str, frozenset[bytes]]
    beneath: frozenset[bytes]
    intent: str = ""
    is_late: bool = False


@dataclass(frozen=True)
class Row:
    """An operation as an end stores it; `writes` is empty where its body cannot be read."""

    root: bytes
    name: bytes
    identity: bytes
    replica: bytes
    record: bytes
    by_hub: bool
    position: int
    verdict: int
    code: str
    body: bytes | None

    @property
    def writes(self) -> Sequence[Write]:
        return writes_of(self.body)


COLUMNS = "body_digest, name, identity, replica, record, by_hub, position, verdict, code, body"


@dataclass
class Facts:
    """Everything that was ever written, by root."""

    by_root: dict[bytes, Fact] = field(default_factory=dict)

    def get(self, root: bytes) -> Fact | None:
        return self.by_root.get(root)

    def add(self, fact: Fact) -> None:
        """A copy is no second fact."""
        self.by_root.setdefault(fact.root, fact)

    def covered(
        self, accepted: Iterable[bytes], register: str, known: Callable[[bytes], bool]
    ) -> set[bytes]:
        """What the authors of accepted facts had before their eyes when they wrote a register, and
        beneath a fact that was not accepted, what its author had; of facts `known` says are there.
        """
        accepted = set(accepted)
        todo = list(accepted)
        found: set[bytes] = set()
        while todo:
            fact = self.by_root.get(todo.pop())
            for root in fact.seen.get(register, ()) if fact else ():
                if root not in found:
                    found.add(root)
                    if root not in accepted and known(root):
                        todo.append(root)
        return found


def writes_of(body: bytes | None) -> Sequence[Write]:
    try:
        return operations.read_body(body) if body is not None else ()
    except PeerFault:
        return ()


def hub_rows(hub: Hub, where: str, *parameters: object) -> list[Row]:
    """The hub's operations, in the order of their places."""
    sql = f"SELECT {COLUMNS} FROM operation WHERE {where} ORDER BY position"
    return [Row(*each) for each in hub.store._database.execute_sql(sql, parameters).fetchall()]


def standing(rows: Iterable[Row]) -> list[Row]:
    """Of all copies of a fact the one that counts, accepted ones only, in order of place."""
    best: dict[bytes, Row] = {}
    for row in rows:
        if row.verdict == ACCEPTED:
            best.setdefault(row.identity, row)
    return list(best.values())


def live(accepted: Sequence[Row], policy: Policy) -> dict[str, dict[bytes, list[bytes]]]:
    """Register → identity → roots of the accepted writes that no accepted write replaced: promise 3
    as the text has it, without the protocol's merge."""
    by_hub = {each.identity for each in accepted if each.by_hub}
    replaced: dict[str, set[bytes]] = {}
    written: dict[str, dict[bytes, list[bytes]]] = {}
    for each in accepted:
        for write in each.writes:
            shielded = by_hub if policy(write.field) == "hub" and not each.by_hub else set()
            replaced.setdefault(write.field, set()).update(set(write.replaces) - shielded)
            written.setdefault(write.field, {}).setdefault(each.identity, []).append(each.root)
    found = {
        register: {name: roots for name, roots in names.items() if name not in replaced[register]}
        for register, names in written.items()
    }
    return {register: names for register, names in found.items() if names}
