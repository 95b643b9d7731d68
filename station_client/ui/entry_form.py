"""A form of the definitions as an HTML form: what it shows in which order, and what came back.

An input carries its register's name: `applicant_name`; a line of a list has the names
`missing/<element>/<column>` and announces itself by `missing=<element>`: 32 hex digits that the
page gives to a new line and that it keeps for good. `was.<name>` is what stood in an input when the
page was made: only what differs from it was changed by the clerk.

Knows the forms and no service; Flask only as werkzeug's MultiDict.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from werkzeug.datastructures import MultiDict

from forms import Code, Field, Form, Problem, elements, split_register
from forms.registers import is_element_id
from station_client.ui.typed import input_text, read_value

BASIC = "基本信息"
REST = "其他"
ATTACHED = frozenset({"image", "reference", "source", "state"})
"""Types that no input of a desk's form writes."""
MAX_LINES = 200
MOST_IN_HALF_A_ROW = 4
NUMBER = "case_no"
"""The field that the program fills: shown where the paper has it, and never typed."""
NUMBER_TO_COME = "保存后自动编号"

Typed = MultiDict[str, str]


@dataclass(frozen=True)
class Line:
    """One line of a list: its name, the texts of its columns, and what is wrong with it."""

    name: str
    texts: Mapping[str, str]
    problem: str = ""
    now_elsewhere: str = ""

    def problem_of(self, column: Field) -> str:
        """The line's problem, where it names the column."""
        return self.problem if f"“{column.label}”" in self.problem else ""


@dataclass(frozen=True)
class Entry:
    """One field on the page: what stands in it, and what is wrong with it.

    `now_elsewhere`: what somebody else has made of it since the page was shown.
    """

    asked: Field
    text: str = ""
    chosen: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    problem: str = ""
    choices: Mapping[str, Code] = field(default_factory=dict)
    is_fixed: bool = False
    now_elsewhere: str = ""

    @property
    def is_wide(self) -> bool:
        has_many = len(self.choices) > MOST_IN_HALF_A_ROW
        return self.asked.type in ("list", "long_text") or has_many

    @property
    def is_filled(self) -> bool:
        return bool(self.text or self.chosen or self.lines)


@dataclass(frozen=True)
class Section:
    """A part of the paper between two headings. What is rarely used is folded away."""

    title: str
    entries: tuple[Entry, ...]
    is_open: bool = True

    @property
    def summary(self) -> str:
        """What a folded section holds already, so that nobody opens it to look."""
        names = [e.asked.label for e in self.entries if e.is_filled]
        return "已填：" + "、".join(names) if names else "未填"


@dataclass
class Page:
    """What an HTML form is filled with: input's name → texts, register → problem's words.

    `elsewhere`: register → what somebody else has made of it since the page was shown. `number`:
    what stands where the paper has the case's number.
    """

    form: Form
    typed: Typed
    fixed: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    number: str = NUMBER_TO_COME

    def sections(self) -> list[Section]:
        parts = list(_parts(self.form))
        made = [(title, tuple(map(self._entry, fields))) for title, fields in parts]
        return [
            Section(title, entries, number == 0 or any(map(_needs_a_look, entries)))
            for number, (title, entries) in enumerate(made)
            if entries
        ]

    def general_problems(self) -> list[str]:
        """Problems of no field of this page."""
        shown = {f.id for _, fields in _parts(self.form) for f in fields}
        return [w for r, w in self.problems.items() if split_register(r)[0] not in shown]

    def first_to_fill(self) -> str:
        """Where typing begins: the first problem, else the first required field that is empty."""
        entries = [entry for section in self.sections() for entry in section.entries]
        wrong = [e for e in entries if _is_wrong(e)]
        # What the catalogue fills waits for the search; the search comes first.
        typed = [e for e in entries if e.asked.item in ("", "item_name")]
        empty = [e for e in typed if e.asked.required == "always" and not e.is_filled]
        found = [e for e in wrong + empty + entries if not e.is_fixed]
        return found[0].asked.id if found else ""

    def _entry(self, asked: Field) -> Entry:
        texts = tuple(self.typed.getlist(asked.id))
        entry = Entry(
            asked,
            problem=self.problems.get(asked.id, ""),
            now_elsewhere=self.elsewhere.get(asked.id, ""),
        )
        if asked.type == "list":
            return replace(entry, lines=tuple(self._line(asked, name) for name in texts))
        if asked.type == "codes":
            return replace(entry, chosen=texts, choices=self.form.choices(asked))
        text = texts[0] if texts else ""
        if asked.id == NUMBER:
            return replace(entry, text=self.number, is_fixed=True)
        return replace(entry, text=text, is_fixed=asked.id in self.fixed)

    def _line(self, asked: Field, name: str) -> Line:
        texts = {s.id: self.typed.get(f"{asked.id}/{name}/{s.id}", "") for s in asked.fields}
        register = f"{asked.id}/{name}"
        return Line(name, texts, self.problems.get(register, ""), self.elsewhere.get(register, ""))


def _needs_a_look(entry: Entry) -> bool:
    is_missing = entry.asked.required == "always" and not entry.is_filled
    return is_missing or _is_wrong(entry) or bool(entry.lines)


def _is_wrong(entry: Entry) -> bool:
    """Whether something here must be corrected, or looked at because somebody else changed it."""
    parts: tuple[Entry | Line, ...] = (entry, *entry.lines)
    return any(each.problem or each.now_elsewhere for each in parts)


def blank_line(asked: Field, now: str) -> Line:
    """What a new line of a list begins with, at that moment (ISO); the page gives it its name."""
    known = {"now": now, "today": now[:10], "clock": now[11:16]}
    texts = {s.id: input_text(s, known.get(s.default_from, s.default)) for s in asked.fields}
    return Line("NEW", texts)


def is_typed_here(asked: Field) -> bool:
    """Whether the desk writes this field by hand; a case's number is the program's."""
    return asked.author != "hub" and asked.type not in ATTACHED and asked.id != NUMBER


def _parts(form: Form) -> Iterator[tuple[str, list[Field]]]:
    """Heading → fields, in the order of the paper; then the fields the paper has no cell for."""
    title, fields, seen = BASIC, list[Field](), set[str]()
    for cell in (cell for row in (form.grid.rows if form.grid else ()) for cell in row):
        if cell.heading or (
            cell.fields and all(form.field(f).author == "hub" for f in cell.fields)
        ):
            yield title, fields  # what stands below the county's own part is not its part
            title, fields = cell.text or REST, []
        new = [f for f in cell.fields if f not in seen and _is_shown(form.field(f))]
        seen.update(new)
        fields += [form.field(field_id) for field_id in new]
    yield title, fields
    yield REST, [f for f in form.fields if f.id not in seen and is_typed_here(f)]


def _is_shown(asked: Field) -> bool:
    return is_typed_here(asked) or asked.id == NUMBER


def fill(form: Form, values: Mapping[str, object]) -> Typed:
    """Register → value, as the texts of the inputs."""
    typed: Typed = MultiDict()
    for asked in form.fields:
        if asked.type == "list":
            for name, element in elements(values, asked.id).items():
                typed.add(asked.id, name)
                for sub in asked.fields:
                    typed[f"{asked.id}/{name}/{sub.id}"] = input_text(sub, element.get(sub.id))
        elif asked.type == "codes":
            chosen = values.get(asked.id)
            typed.setlist(asked.id, list(map(str, chosen)) if isinstance(chosen, list) else [])
        elif asked.type not in ATTACHED:
            typed[asked.id] = input_text(asked, values.get(asked.id))
    return typed


def read(form: Form, typed: Typed, today: date) -> dict[str, object]:
    """What was typed, as register → value; empty fields are left out, lines keep their names."""
    found: dict[str, object] = {}
    for asked in filter(is_typed_here, form.fields):
        if asked.type == "list":
            found |= {f"{asked.id}/{n}": v for n, v in _read_lines(asked, typed, today)}
        else:
            value = _read_one(asked, typed, today)
            if value not in (None, []):
                found[asked.id] = value
    return found


def _read_one(asked: Field, typed: Typed, today: date) -> object:
    if asked.type == "codes":
        return [key for key in typed.getlist(asked.id) if key]
    return read_value(asked, typed.get(asked.id, ""), today)


def _read_lines(asked: Field, typed: Typed, today: date) -> Iterator[tuple[str, dict[str, object]]]:
    """The lines in which something stands; one that was added and left empty is none."""
    for name in filter(is_element_id, typed.getlist(asked.id)[:MAX_LINES]):
        names = {sub.id: f"{asked.id}/{name}/{sub.id}" for sub in asked.fields}
        values = {s.id: read_value(s, typed.get(names[s.id], ""), today) for s in asked.fields}
        line = {key: value for key, value in values.items() if value is not None}
        if line:
            yield name, line


def read_changes(form: Form, typed: Typed, today: date) -> dict[str, object]:
    """What the clerk changed since the page was made: register → value, None for what is gone.

    Compared as texts with what the page showed, so that what arrived meanwhile is not undone.
    """
    before = Typed(
        [
            (key.removeprefix("was."), text)
            for key, texts in typed.lists()
            for text in texts
            if key.startswith("was.")
        ]
    )
    old, new = read(form, before, today), read(form, typed, today)
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    return changed | {key: None for key in old if key not in new}


def words_by_register(form: Form, problems: Iterable[Problem]) -> dict[str, str]:
    """Register → words; several problems of one field stand together."""
    found: dict[str, str] = {}
    for problem in problems:
        words = problem.words(form)
        found[problem.field] = f"{found[problem.field]}{words}" if problem.field in found else words
    return found
