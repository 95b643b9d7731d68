"""The definitions that ship: released meaning is pinned, and the annexes are there cell by cell."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

import forms
from forms import Field, Form, builtin, builtin_files
from forms.problems import WORDS
from forms.values import check_value

# A released definition never changes its meaning: a new meaning is a new version, a new file.
RELEASED = {
    "catalogue_item.1.toml": "01f6603a0e9704ade7e1c04d76683228ab2c711b2d7411be913f8972d88935d4",
    "clerk.1.toml": "599751b14beb71fab1e1e9759ad7ba504cc27b9e45f2b52c8f135b83cde4899a",
    "helper_case.1.toml": "bd438d07d118d0ff4a6257caa76652bbc78beaefffa02e14b02864d03449dd53",
    "intake_case.1.toml": "1900e21c45695a06feaa123f88ddb63372f66936b6c456d9bf7115de90967aba",
    "proxy_case.1.toml": "351f905071ac76cda1b146e158f22dbad4c589371599a9ea3da98c8d4089de8c",
    "station_card.1.toml": "625ba5c5f3f417ccec8f27dfc1acf85fd4bf85fed326971ff6809237b2eb58c7",
    "station_card.2.toml": "332af0b6c4f561b694581fa82d0eb12a82533c190f3bab7a5e77bb18b1f355f3",
    "station_change.1.toml": "e6f91b231c018929fe1618d4eeadc69536593f94ef99c769cc449a85164bedbf",
    "station_close.1.toml": "de1c71896a0ea07ad575efdc875a6d8aa557bab78475f1871dcd27b04beb3397",
    "station_open.1.toml": "fa563fe33ba5d9f56050c11544252765773e6b3cc345f755b82e2cec6a0dbc41",
    "work_ledger.1.toml": "c58d1c44f2b6404602142451586b993a9c16851f73bc61c30e3183c2a687b58d",
}

ALL = [builtin().latest(name) for name in builtin().names()]
CASES = [builtin().latest(name) for name in ("intake_case", "helper_case", "proxy_case")]
APPLICATIONS = [
    builtin().latest(name) for name in ("station_open", "station_change", "station_close")
]


def by_name(form: Form) -> str:
    return form.name


def cells_of(form: Form) -> list[str]:
    assert form.grid is not None
    return ["|".join(cell.text for cell in row if cell.text) for row in form.grid.rows]


def test_a_released_definition_is_what_it_was() -> None:
    found = {name: hashlib.sha256(data).hexdigest() for name, data in builtin_files().items()}
    assert found == RELEASED


def test_a_files_name_is_the_forms_name_and_version() -> None:
    for name, data in builtin_files().items():
        form = forms.load(data, name)
        assert name == f"{form.name}.{form.version}.toml"


def test_the_forms_of_the_standard_are_there() -> None:
    assert builtin().names() == (
        "catalogue_item",
        "clerk",
        "helper_case",
        "intake_case",
        "proxy_case",
        "station_card",
        "station_change",
        "station_close",
        "station_open",
        "work_ledger",
    )


@pytest.mark.parametrize("form", ALL, ids=by_name)
def test_every_field_on_the_grid_stands_there_once(form: Form) -> None:
    if form.grid is not None:
        placed = Counter(f for row in form.grid.rows for cell in row for f in cell.fields)
        assert max(placed.values(), default=1) == 1


@pytest.mark.parametrize("form", [*CASES, *APPLICATIONS], ids=by_name)
def test_every_field_a_person_writes_has_its_place_on_the_grid(form: Form) -> None:
    assert form.grid is not None
    placed = {f for row in form.grid.rows for cell in row for f in cell.fields}
    elsewhere = {
        "source",  # shown on a page of its own
        "state",
        "review_decision",  # the decision is told by the state; the paper has the opinion
        "region_code",  # asked beside the paper
        "host_type",
        "reviewed_on",
        "reviewer_name",
        "item_code",  # comes with the chosen item
        "legal_limit",
    }
    assert {field.id for field in form.fields} - placed <= elsewhere


@pytest.mark.parametrize("form", ALL, ids=by_name)
def test_every_default_is_a_permitted_value(form: Form) -> None:
    for field_id, value in form.defaults({}, {}).items():
        assert check_value(form, form.field(field_id), value) is None


@pytest.mark.parametrize("form", ALL, ids=by_name)
def test_every_required_field_can_be_written_by_somebody_who_creates_the_record(form: Form) -> None:
    if form.channel != "projection":
        authors = {f.author for f in form.fields if f.required == "always"}
        assert not {"station", "hub"} <= authors


def test_a_code_list_of_one_name_says_the_same_in_every_form() -> None:
    seen: dict[str, object] = {}
    for form in ALL:
        for name, codes in form.codes.items():
            assert seen.setdefault(name, codes) == codes


def test_every_policy_is_in_use() -> None:
    policies = {form.policy(field.id) for form in ALL for field in form.fields}
    assert policies == {"ask", "newest", "union", "furthest", "hub"}


@pytest.mark.parametrize("form", ALL, ids=by_name)
def test_elements_alive_and_unknown_registers_are_never_settled_by_a_machine(form: Form) -> None:
    lists = [field.id for field in form.fields if field.type == "list"]
    for register in ("alive", "unheard_of", "a/b", *(f"{i}/{'ab' * 16}" for i in lists)):
        assert form.policy(register) == "ask"


def test_annex_a_is_the_papers_grid(opening: Form) -> None:
    assert cells_of(opening) == [
        "申请单位|联系人电话",
        "所在县(市、区)|便民服务站选址",
        "申请条件",
        "主管部门审核意见",
        "备注",
    ]
    assert opening.defaults({}, {})["review_opinion"] == "同意设置为政务服务便民服务站"


def test_annex_b_is_the_papers_grid() -> None:
    assert cells_of(builtin().latest("station_change")) == [
        "申请单位|联系电话",
        "便民服务站地址|所在县（市、区）",
        "便民服务站原有功能",
        "变更后便民服务站情况",
        "申请单位|联系电话",
        "便民服务站地址|所在县（市、区）",
        "便民服务站功能变更内容",
        "主管部门审核意见",
        "",
        "备注",
    ]


def test_annex_c_is_the_papers_grid() -> None:
    assert cells_of(builtin().latest("station_close")) == [
        "申请人姓名|联系人电话",
        "所在县（市、区）|便民服务站地址",
        "便民服务站注销原因",
        "主管部门审核意见",
        "备注",
    ]


@pytest.mark.parametrize("form", APPLICATIONS, ids=by_name)
def test_an_application_goes_up_and_only_the_county_decides(form: Form) -> None:
    assert form.may_move("", "draft", "station")
    assert form.may_move("draft", "submitted", "station")
    assert form.may_move("returned", "submitted", "station")
    for decision in ("approved", "rejected", "returned"):
        assert form.may_move("submitted", decision, "hub")
        assert not form.may_move("submitted", decision, "station")
    for ended in ("approved", "rejected"):
        assert form.moves(ended, "hub") == form.moves(ended, "station") == ()


@pytest.mark.parametrize("form", APPLICATIONS, ids=by_name)
def test_a_return_opens_a_round_and_two_decisions_in_one_round_conflict(form: Form) -> None:
    sent = form.moved(None, "submitted", "station")
    returned = form.moved(sent, "returned", "hub")
    again = form.moved(returned, "submitted", "station")
    assert sent == {"round": 1, "state": "submitted"}
    assert returned == {"round": 2, "state": "returned"}
    assert again == {"round": 2, "state": "submitted"}
    assert form.places["approved"] == form.places["rejected"]
    assert form.places["draft"] < form.places["returned"] < form.places["submitted"]
    with pytest.raises(ValueError, match="no move"):
        form.moved(sent, "approved", "station")


@pytest.mark.parametrize("form", APPLICATIONS, ids=by_name)
def test_review_and_decision_belong_to_the_county(form: Form) -> None:
    review = ["review_opinion", "review_decision", "reviewed_on", "reviewer_name"]
    for field_id in [*review, "seal", "seal_image"]:
        field = form.field(field_id)
        assert (field.author, field.merge) == ("hub", "hub")


@pytest.mark.parametrize("form", CASES, ids=by_name)
def test_names_and_phones_are_personal(form: Form) -> None:
    assert form.field("applicant_name").personal
    assert all(field.personal for field in form.fields if field.type == "phone")


@pytest.mark.parametrize("form", CASES, ids=by_name)
def test_no_case_asks_for_an_identity_number(form: Form) -> None:
    assert not [field.label for field in form.fields if re.search("身份证|证件", field.label)]


@pytest.mark.parametrize("form", CASES[1:], ids=by_name)
def test_every_field_of_a_derived_form_names_its_clause(form: Form) -> None:
    without = {field.id for field in form.fields if not field.clause}
    ours = {"case_no", "item_code", "county_action", "county_opinion", "county_officer"}
    assert without <= ours | {"county_acted_at"}


def test_the_desk_and_the_chosen_item_fill_in_what_they_know(helper: Form) -> None:
    desk = {
        "now": "2024-03-01T09:05:00+08:00",
        "clerk": "王芳",
        "station": "北留站",
        "window": "1号",
    }
    item = {"item_name": "失业登记", "department": "人社局", "promised_limit": 0, "item_code": None}
    filled = helper.defaults(desk, item)
    assert filled["helper_name"] == "王芳"
    assert filled["task_name"] == "失业登记"
    assert filled["promised_limit"] == 0
    assert filled["case_status"] == "handling"
    assert "item_code" not in filled


def test_a_published_form_is_added_and_a_known_version_keeps_its_meaning() -> None:
    name = "clerk.1.toml"
    data = builtin_files()[name]
    newer = forms.load(data.replace(b"version = 1", b"version = 2"), name)
    other = forms.load(data.replace("工作人员".encode(), "别的".encode()), name)
    both = builtin().with_forms([newer, other])
    assert both.versions("clerk") == (1, 2)
    assert both.latest("clerk") is newer
    assert both.get("clerk", 1) is builtin().get("clerk", 1)
    assert both.get("clerk", 3) is None
    assert builtin().versions("clerk") == (1,)


def test_every_field_type_has_an_example_in_the_readme() -> None:
    text = (Path(forms.__file__).parent / "README.md").read_text(encoding="utf-8")
    types = set(re.findall(r"^\| `(\w+)` +\| ", text, flags=re.MULTILINE))
    used = {field.type for form in ALL for field in form.fields}
    assert used <= types


@pytest.mark.parametrize(
    "struct", [Form, Field, forms.Cell, forms.Grid, forms.Condition, forms.Code]
)
def test_every_key_is_described_in_the_readme(struct: type) -> None:
    text = (Path(forms.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert [key for key in struct.__struct_encode_fields__ if f"`{key}`" not in text] == []  # type: ignore[attr-defined]


def test_every_problems_words_can_be_said() -> None:
    form = builtin().latest("helper_case")
    facts = {"limit": 1, "other": "registered_at", "column": "时间", "example": "2024-03-01"}
    for code in WORDS:
        assert forms.Problem("remark", code, facts).words(form).endswith("。")


def test_what_could_not_be_read_as_a_limit_is_told_how_one_is_written() -> None:
    form = forms.builtin().latest("helper_case")
    assert "如：即办、5" in forms.Problem("promised_limit", "type").words(form)
    assert "如" not in forms.Problem("remark", "type").words(form)
