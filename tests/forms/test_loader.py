"""A definition that is not whole is refused, and the refusal names the file and the key."""

import pytest

import forms
from forms import DefinitionError

SMALL = """
name = "small"
version = 1
title = "小表"
standard = "SX"
channel = "station"

[[fields]]
id = "one"
label = "一"
type = "text"

[[fields]]
id = "two"
label = "二"
type = "code"
codes = "colours"

[codes.colours]
red = { label = "红", aliases = ["赤"] }
blue = { label = "蓝" }

[grid]
columns = 2
rows = [[{ text = "一" }, { fields = ["one"] }]]
"""


def refusal(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        forms.load(text.encode(), "small.1.toml")
    message = str(caught.value)
    assert message.startswith("small.1.toml: ")
    return message


def test_a_small_form_is_read() -> None:
    form = forms.load(SMALL.encode(), "small.1.toml")
    assert [field.id for field in form.fields] == ["one", "two"]
    assert form.label("two") == "二"
    assert form.label("three") == "three"
    assert form.places == {}
    assert not form.may_move("", "draft", "hub")
    with pytest.raises(KeyError):
        form.field("three")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('label = "一"', 'labl = "一"', "labl"),
        ('title = "小表"', 'titel = "小表"', "titel"),
        ('red = { label = "红"', 'red = { name = "红"', "name"),
        ('{ text = "一" }', '{ txt = "一" }', "txt"),
        ("version = 1", 'version = "1"', "version"),
        ('type = "text"', 'type = "string"', "string"),
        ('channel = "station"', 'channel = "street"', "street"),
        ('id = "two"', 'id = "one"', "'one' is defined twice"),
        ('id = "one"', 'id = "alive"', "'alive' has no usable id"),
        ('id = "one"', 'id = "一"', "no usable id"),
        ('codes = "colours"', 'codes = "shapes"', "'shapes' is not defined"),
        ('aliases = ["赤"]', 'aliases = ["蓝"]', "'蓝' stands for two codes"),
        ('fields = ["one"]', 'fields = ["three"]', "grid: no field 'three'"),
        ("columns = 2", "columns = 3", "grid: row 1 fills 2 of 3 columns"),
        ('type = "text"', 'type = "list"', "merges by union"),
        ('type = "text"', 'type = "text"\nmerge = "union"', "merges by union"),
        ('type = "text"', 'type = "state"', "merges by furthest"),
        ('type = "text"', 'type = "text"\nmerge = "hub"', "is written by the hub"),
        (
            'type = "text"',
            'type = "text"\nfields = [{ id = "a", label = "甲", type = "text" }]',
            "has sub-fields",
        ),
        ('type = "text"', 'type = "list"\nmerge = "union"', "has sub-fields"),
        (
            'type = "text"',
            'type = "list"\nmerge = "union"\nfields = [{ id = "a", label = "A", type = "image" }]',
            "'a' cannot be of type image",
        ),
        (
            'type = "text"',
            'type = "list"\nmerge = "union"\nfields = [{ id = "a", label = "甲", type = "code" }]',
            "code list '' is not defined",
        ),
        ('type = "text"', 'type = "text"\nrequired_when = [{ field = "two" }]', "a condition says"),
        (
            'type = "text"',
            'type = "text"\nrequired_when = [{ field = "six", empty = true }]',
            "no field 'six'",
        ),
        ('type = "text"', 'type = "text"\npattern = "[0-9"\nhint = "数字"', "regular expression"),
        ('type = "text"', 'type = "text"\npattern = "[0-9]"', "has a hint"),
        (
            "[grid]",
            '[[rules]]\nrule = "not_above"\nfield = "one"\nother = ["six"]\n[grid]',
            "rules: no field 'six'",
        ),
        (
            "[grid]",
            '[ledger]\nday = "one"\nfinished = "one"\n[ledger.columns]\nseq_no = {}\n[grid]',
            "not the 16 of table D.1",
        ),
        (
            "[grid]",
            '[workflow]\nfield = "six"\nstates = []\n'
            'moves = [{ from = "", to = "x", by = "hub" }]\n[grid]',
            "no state for the move '' to 'x'",
        ),
        ('name = "small"', "name = small", "not TOML"),
    ],
)
def test_a_definition_that_is_not_whole_is_refused(old: str, new: str, named: str) -> None:
    assert old in SMALL
    assert named in refusal(SMALL.replace(old, new, 1))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"small\.1\.toml: not TOML"):
        forms.load(b"\xff\xfe", "small.1.toml")


def test_a_cell_that_reaches_down_counts_in_the_rows_below() -> None:
    grid = """rows = [
    [{ text = "一", rows = 2 }, { fields = ["one"] }],
    [{ fields = ["two"] }],
]"""
    whole = SMALL.replace('rows = [[{ text = "一" }, { fields = ["one"] }]]', grid)
    assert forms.load(whole.encode(), "small.1.toml").grid is not None
    assert "row 2" in refusal(whole.replace("rows = 2", "rows = 1"))
