"""The approval table: from which state which decision leads where. A missing entry is the error.

Pure. The applicant moves by writing, the county by deciding; form definitions carry the same states
with their labels. Serves 5.4.1 (opening, change, closing).
"""

from __future__ import annotations

from hub_server.errors import HubError

DECISIONS = ("approve", "return", "reject")

MOVES: dict[tuple[str, str], str] = {
    ("", "save"): "draft",
    ("", "submit"): "submitted",
    ("draft", "submit"): "submitted",
    ("submitted", "approve"): "approved",
    ("submitted", "return"): "returned",
    ("submitted", "reject"): "rejected",
    ("returned", "submit"): "submitted",
}

NEEDS_OPINION = frozenset({"return", "reject"})


def next_state(state: str, act: str) -> str:
    """The state that this act leads to. HubError `application.state`."""
    try:
        return MOVES[state, act]
    except KeyError:
        raise HubError("application.state", state=state, act=act) from None


def check_opinion(decision: str, opinion: str) -> None:
    """HubError `application.no_opinion`: who is sent back must be told why."""
    if decision in NEEDS_OPINION and not opinion.strip():
        raise HubError("application.no_opinion")
