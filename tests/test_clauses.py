"""docs/clauses.md is tested: every test, form field, page and command that it names is there.

One table a module; the last table counts the rows. Of the product this knows the forms, the lists
of pages and the commands, so that nothing in the document can outlive what it speaks of. The tests
that docs/security.md and docs/deployment.md name must be there, too.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest

import forms
from hub_server import admin, public
from hub_server.cli import main as hub_main
from station_client.cli import main as station_main
from station_client.ui.routes import ENTRANCE, PAGES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
DOCUMENT = DOCS / "clauses.md"
STATES = {"served", "partly", "outside"}


@dataclass(frozen=True)
class Row:
    """One line of a module's table."""

    id: str
    clause: str
    state: str
    where: str
    shown_by: str
    missing: str


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def lines_of_tables() -> Iterator[list[str]]:
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            yield cells(line)


@cache
def rows() -> tuple[Row, ...]:
    return tuple(
        Row(*found)
        for found in lines_of_tables()
        if re.fullmatch(r"[A-Z]{3}-[0-9]{2}", found[0]) is not None
    )


def counted() -> dict[str, tuple[int, ...]]:
    """Module → rows in all, served, partly, outside, not yet."""
    return {
        found[1]: tuple(map(int, found[2:]))
        for found in lines_of_tables()
        if re.fullmatch(r"M[0-9]{2}|all", found[0]) is not None
    }


def prose_of(document: str) -> str:
    """The document without its blocks of code."""
    text = (DOCS / document).read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def is_a_test(name: str) -> bool:
    file, _, function = name.partition("::")
    return (ROOT / "tests" / file).is_file() and function in functions_in(file)


def fields_of(form: forms.Form) -> Iterator[str]:
    for field in form.fields:
        yield f"{form.name}.{field.id}"
        yield from (f"{form.name}.{field.id}.{column.id}" for column in field.fields)


def commands(name: str, command: click.Command) -> Iterator[str]:
    yield name
    if isinstance(command, click.Group):
        for verb, inner in command.commands.items():
            yield from commands(f"{name} {verb}", inner)


@cache
def known_places() -> frozenset[str]:
    """Every form, field, page and command of both programs."""
    builtin = forms.builtin()
    every_form = [builtin.latest(name) for name in builtin.names()]
    return frozenset(
        [
            *(form.name for form in every_form),
            *(field for form in every_form for field in fields_of(form)),
            *(rule for rule, *_ in ENTRANCE),
            *(page.rule for page in PAGES),
            *(route.path for route in (*admin.ROUTES, *public.ROUTES)),
            *commands("bianmin-hub", hub_main),
            *commands("bianmin-station", station_main),
        ]
    )


def test_every_place_that_is_named_exists() -> None:
    named = {place for row in rows() for place in quoted(row.where)}
    assert sorted(named - known_places()) == []


def test_every_test_that_is_named_exists() -> None:
    assert sorted(n for row in rows() for n in quoted(row.shown_by) if not is_a_test(n)) == []


def test_every_test_that_the_other_documents_name_exists() -> None:
    security = quoted(prose_of("security.md"))
    named = [name for name in security if "::" in name]
    assert named
    assert sorted(name for name in named if not is_a_test(name)) == []
    deployment = quoted(prose_of("deployment.md"))
    files = [name for name in deployment if re.search(r"/test_\w+\.py$", name)]
    assert files
    assert [name for name in files if not (ROOT / "tests" / name).is_file()] == []


def test_a_row_stands_once_and_says_where_it_is_shown_and_what_is_missing() -> None:
    assert [row for row, times in Counter(row.id for row in rows()).items() if times > 1] == []
    assert {row.state for row in rows()} == STATES
    for row in rows():
        assert (row.state == "served") == (not row.missing), row.id
        assert row.state == "outside" or (quoted(row.where) and quoted(row.shown_by)), row.id


def test_the_counts_at_the_end_are_those_of_the_tables() -> None:
    found = Counter((row.id[:3], row.state) for row in rows())
    table = counted()
    total = table.pop("all")
    for module, (in_all, *states) in table.items():
        assert states == [*(found[module, s] for s in ("served", "partly", "outside")), states[-1]]
        assert in_all == sum(states), module
    assert total == tuple(map(sum, zip(*table.values(), strict=True)))
    assert {row.id[:3] for row in rows()} <= set(table)


@pytest.mark.shared
def test_the_rows_are_those_of_the_list_of_requirements() -> None:
    """Reads the list beside the repository; it is no part of the project: absent, skip."""
    requirements = ROOT.parent / "shared" / "domain" / "clauses.md"
    if not requirements.is_file():
        pytest.skip("there is no ../shared/domain/clauses.md beside the repository")
    asked = re.findall(
        r"^\| ([A-Z]{3}-[0-9]{2}) \| ([^|]*) \|", requirements.read_text("utf-8"), re.MULTILINE
    )
    clauses = dict(asked)
    assert {row.id: row.clause for row in rows()} == {row.id: clauses[row.id] for row in rows()}
    table = counted()
    assert table.pop("all")[0] == len(asked)
    assert {m: n for m, (n, *_) in table.items()} == dict(Counter(row[:3] for row in clauses))


# --- what the tables say and no other test shows ------------------------------------------------


def test_every_host_site_that_the_standards_name_can_be_chosen() -> None:
    sites = forms.builtin().latest("station_open").codes["host_type"].values()
    names = {name for site in sites for name in (site.label, *site.aliases)}
    asked = {"银行", "邮政", "电信网点", "园区", "商场", "楼宇", "其他", "孵化基地", "产业园"}
    assert asked <= names


@pytest.mark.parametrize("name", ["helper_case", "proxy_case"])
def test_help_and_proxy_have_no_field_for_money(name: str) -> None:
    labels = [field.label for field in forms.builtin().latest(name).fields]
    money = [label for label in labels if re.search("费|金额|缴|元", label)]
    assert money == ([] if name == "helper_case" else ["收费提示"])


@pytest.mark.parametrize("name", ["helper_case", "proxy_case"])
def test_a_rating_has_five_levels_and_may_be_left_out(name: str) -> None:
    form = forms.builtin().latest(name)
    assert [choice.label for choice in form.codes["rating"].values()] == [
        "非常满意",
        "满意",
        "基本满意",
        "不满意",
        "非常不满意",
    ]
    assert (form.field("rating").required, form.field("rating").required_when) == ("never", ())
