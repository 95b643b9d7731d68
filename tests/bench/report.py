"""What the bench found: medians over its rounds, as build/bench.json and one table.

`limit` is what the ceiling programme reached in the same round, or a number that is to be reached;
`ratio` is ours by the limit, the median over the rounds; `aim` is what the ratio should be at most.
"""

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Figure:
    """One figure, as each round gave it."""

    scenario: str
    figure: str
    unit: str
    aim: float | None
    ours: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        pairs = zip(self.ours, self.limits, strict=True) if self.limits else ()
        ratios = [ours / limit for ours, limit in pairs if limit]
        return {
            "scenario": self.scenario,
            "figure": self.figure,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "limit": _rounded(self.limits),
            "ratio": _rounded(ratios),
            "aim": self.aim,
        }


class Report:
    """All figures of one run, and what could not be measured."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, str], Figure] = {}
        self._missing: list[tuple[str, str]] = []

    def note(
        self,
        scenario: str,
        figure: str,
        unit: str,
        ours: float,
        limit: float | None = None,
        aim: float | None = None,
    ) -> None:
        """One round's figure."""
        found = self._figures.setdefault((scenario, figure), Figure(scenario, figure, unit, aim))
        found.ours.append(ours)
        if limit is not None:
            found.limits.append(limit)

    def missing(self, what: str, why: str) -> None:
        """A row that says why there is no figure."""
        self._missing.append((what, why))

    def rows(self) -> list[dict[str, object]]:
        figures = [self._figures[key].row() for key in sorted(self._figures)]
        return figures + [
            {
                "scenario": what,
                "figure": why,
                "unit": "",
                "ours": None,
                "limit": None,
                "ratio": None,
            }
            for what, why in self._missing
        ]

    def write(self, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        text = json.dumps(self.rows(), ensure_ascii=False, indent=2)
        target.write_text(text + "\n", encoding="utf-8")

    def table(self) -> str:
        head = f"{'':4} {'figure':44} {'unit':6} {'ours':>10} {'limit':>10} {'ratio':>7} {'aim':>5}"
        return "\n".join([head, *(_line(row) for row in self.rows())])


def _line(row: dict[str, object]) -> str:
    ours, limit, ratio, aim = (_shown(row.get(name)) for name in ("ours", "limit", "ratio", "aim"))
    start = f"{row['scenario']:4} {row['figure']:44} {row['unit']:6}"
    return f"{start} {ours:>10} {limit:>10} {ratio:>7} {aim:>5}".rstrip()


def _shown(value: object) -> str:
    return "" if value is None else f"{value:,}"


def _rounded(values: list[float]) -> float | None:
    if not values:
        return None
    median = statistics.median(values)
    return round(median, 2) if median < 100 else round(median)
