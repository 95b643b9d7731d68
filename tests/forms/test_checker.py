"""The one checker: what may be written at either end, and what a whole record must hold."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forms
from forms import Form, Problem, check_record, check_writes
from forms.values import check_value, moment, show

Builder = Callable[..., dict[str, object]]
ELEMENT = "0123456789abcdef" * 2


def codes(problems: list[Problem]) -> set[tuple[str, str]]:
    return {(problem.field, problem.code) for problem in problems}


def amend(form: Form, author: str = "station", **writes: object) -> set[tuple[str, str]]:
    found = check_writes(form, writes, author=author, creates=False)  # type: ignore[arg-type]
    return codes(found)


def test_a_whole_case_of_each_kind_may_be_recorded(
    intake: Form,
    helper: Form,
    proxy: Form,
    an_entry: Builder,
    a_helper_case: Builder,
    a_proxy_case: Builder,
) -> None:
    for form, writes in ((intake, an_entry()), (helper, a_helper_case()), (proxy, a_proxy_case())):
        assert check_writes(form, writes, author="station", creates=True) == []
        assert check_record(form, writes) == []


@pytest.mark.parametrize("blank", [..., None, "", "  "])
@pytest.mark.parametrize("field", ["applicant_name", "contact_phone", "task_name", "case_no"])
def test_a_required_field_may_not_lack_in_a_new_record(
    helper: Form, a_helper_case: Builder, field: str, blank: object
) -> None:
    writes = a_helper_case(**{field: blank})
    found = check_writes(helper, writes, author="station", creates=True)
    assert codes(found) == {(field, "required")}
    assert codes(check_record(helper, writes)) == {(field, "required")}


def test_a_required_field_may_be_left_alone_but_not_emptied_later(helper: Form) -> None:
    assert amend(helper, remark="邮寄") == set()
    assert amend(helper, applicant_name=None) == {("applicant_name", "emptied")}
    assert amend(helper, remark=None) == set()


def test_a_field_the_form_does_not_know_is_named(helper: Form) -> None:
    assert amend(helper, id_number="1") == {("id_number", "unknown_field")}
    problem = check_writes(helper, {"id_number": "1"}, author="station", creates=False)[0]
    assert "id_number" in problem.words(helper)


def test_the_county_writes_its_opinion_and_the_station_may_not(helper: Form) -> None:
    writes = {"county_opinion": "电话有误，已更正", "county_action": "corrected"}
    assert amend(helper, "hub", **writes) == set()
    assert amend(helper, "station", **writes) == {
        ("county_opinion", "author"),
        ("county_action", "author"),
    }


def test_the_county_corrects_ledger_fields_but_not_the_desks_own_log(helper: Form) -> None:
    assert amend(helper, "hub", contact_phone="13900001234", remark="更正电话") == set()
    line = {f"log/{ELEMENT}": {"at": "2024-03-01T10:00:00+08:00", "action": "陪同"}}
    assert codes(check_writes(helper, line, author="station", creates=False)) == set()
    assert codes(check_writes(helper, line, author="hub", creates=False)) == {
        (f"log/{ELEMENT}", "author")
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("registered_at", "2024-03-01 09:05", "format"),
        ("registered_at", "2024-02-30T09:05:00+08:00", "format"),
        ("registered_at", "2024-03-01T09:05:00Z", "format"),
        ("registered_at", 20240301, "type"),
        ("contact_phone", "138", "format"),
        ("contact_phone", 13812345678, "type"),
        ("contact_phone", "0351-025678", "format"),
        ("channel", "smoke", "not_in_list"),
        ("channel", 1, "type"),
        ("help_kinds", ["accompany", "accompany"], "not_in_list"),
        ("help_kinds", ["dance"], "not_in_list"),
        ("help_kinds", "accompany", "type"),
        ("help_kinds", [1], "type"),
        ("promised_limit", True, "type"),
        ("promised_limit", "5", "type"),
        ("promised_limit", -1, "too_small"),
        ("promised_limit", 3_651, "too_large"),
        ("materials_complete", 1, "type"),
        ("applicant_name", "名" * 101, "too_long"),
        ("applicant_name", "李\x00兰", "control_character"),
        ("applicant_name", "李兰\n王芳", "control_character"),
        ("applicant_name", "李兰\u202e王芳", "control_character"),
        ("applicant_name", "\u2067李兰", "control_character"),
        ("applicant_name", ["李兰"], "type"),
        ("case_no", "140581001240301100070", "format"),
        ("missing", [{"material_name": "户口簿"}], "element_id"),
        ("missing/1", {"material_name": "户口簿", "how_to_fix": "补"}, "element_id"),
        ("applicant_sign", {"digest": "00", "size": 1, "media_type": "image/png"}, "format"),
        ("applicant_sign", {"digest": "00" * 32, "size": 1}, "type"),
    ],
)
def test_a_value_of_the_wrong_shape_is_told(
    helper: Form, field: str, value: object, code: str
) -> None:
    assert amend(helper, **{field: value}) == {(field, code)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact_phone", "13812345678"),
        ("contact_phone", "0356-2025678"),
        ("contact_phone", "010-12345678".replace("1234", "6234")),
        ("contact_phone", "2025678"),
        ("contact_phone", "4008001234"),
        ("contact_phone", "12345"),
        ("help_kinds", ["accompany", "fill_in"]),
        ("materials_complete", False),
        ("promised_limit", 0),
        ("question", "第一行\n第二行"),
        ("applicant_sign", {"digest": "00" * 32, "size": 9, "media_type": "image/png"}),
        ("missing/" + ELEMENT, {"material_name": "户口簿", "how_to_fix": "回家取"}),
        ("missing/" + ELEMENT, None),
    ],
)
def test_a_value_of_the_right_shape_is_taken(helper: Form, field: str, value: object) -> None:
    assert amend(helper, **{field: value}) == set()


@pytest.mark.parametrize(
    ("element", "code"),
    [
        ({"material_name": "户口簿"}, "element_required"),
        ({"material_name": "", "how_to_fix": "补"}, "element_required"),
        ({"material_name": "户口簿", "how_to_fix": "补", "colour": "红"}, "element"),
        ({"material_name": 5, "how_to_fix": "补"}, "element"),
        ({"material_name": "户口簿", "how_to_fix": "补", "fixed_on_spot": "是"}, "element"),
        ("户口簿", "type"),
    ],
)
def test_a_line_of_a_list_is_checked_column_by_column(
    helper: Form, element: object, code: str
) -> None:
    register = f"missing/{ELEMENT}"
    found = check_writes(helper, {register: element}, author="station", creates=False)
    assert codes(found) == {(register, code)}
    assert "缺少材料" in found[0].words(helper)


def test_missing_materials_are_listed_when_they_are_not_complete(
    helper: Form, a_helper_case: Builder
) -> None:
    writes = a_helper_case(materials_complete=False)
    found = check_writes(helper, writes, author="station", creates=True)
    assert codes(found) == {("missing", "required")}
    writes[f"missing/{ELEMENT}"] = {"material_name": "户口簿", "how_to_fix": "回家取"}
    assert check_writes(helper, writes, author="station", creates=True) == []
    writes[f"missing/{ELEMENT}"] = None
    assert codes(check_record(helper, writes)) == {("missing", "required")}


@pytest.mark.parametrize(
    "ends", [{"case_status": "returned"}, {"case_status": "refused"}, {"is_accepted": "no"}]
)
def test_a_returned_or_refused_case_says_why(
    intake: Form, an_entry: Builder, ends: dict[str, object]
) -> None:
    assert codes(check_record(intake, an_entry(**ends))) == {("return_reason", "required")}
    assert check_record(intake, an_entry(**ends, return_reason="材料不齐全")) == []


def test_a_suspended_or_ended_proxy_says_why_and_when(proxy: Form, a_proxy_case: Builder) -> None:
    assert codes(check_record(proxy, a_proxy_case(case_status="terminated"))) == {
        ("terminate_reason", "required"),
        ("terminated_on", "required"),
    }
    assert codes(check_record(proxy, a_proxy_case(resumed_on="2024-04-01"))) == {
        ("resume_entrustment_no", "required")
    }


def test_a_proxy_does_not_start_without_an_entrustment(proxy: Form, a_proxy_case: Builder) -> None:
    found = check_record(proxy, a_proxy_case(principal=None, scope=None))
    assert codes(found) == {("principal", "required"), ("scope", "required")}


@pytest.mark.parametrize(
    ("finished", "wrong"),
    [
        ("2024-03-01T09:04:00+08:00", True),
        ("2024-02-29T17:00:00+08:00", True),
        ("2024-03-01T09:05:00+08:00", False),
        ("2024-03-08T08:00:00+08:00", False),
        ("2024-03-01T01:06:00+00:00", False),
    ],
)
def test_a_case_is_not_finished_before_it_was_received(
    intake: Form,
    helper: Form,
    an_entry: Builder,
    a_helper_case: Builder,
    finished: str,
    wrong: bool,
) -> None:
    expected = {("finished_at", "not_before")} if wrong else set()
    assert codes(check_record(intake, an_entry(finished_at=finished))) == expected
    assert codes(check_record(helper, a_helper_case(finished_at=finished))) == expected


def test_the_promised_limit_is_not_longer_than_the_legal_one(
    intake: Form, an_entry: Builder
) -> None:
    found = check_record(intake, an_entry(promised_limit=10, legal_limit=5))
    assert codes(found) == {("promised_limit", "not_above")}
    assert "法定时限" in found[0].words(intake)
    assert check_record(intake, an_entry(promised_limit=5, legal_limit=5)) == []


def test_voiding_needs_a_reason(helper: Form, a_helper_case: Builder) -> None:
    assert amend(helper, alive="重复登记") == set()
    assert amend(helper, alive="") == set()
    for wrong in ("  ", None, 1, "长" * 501):
        assert amend(helper, alive=wrong) == {("alive", "void_reason")}
    writes = a_helper_case(alive="重复登记")
    found = check_writes(helper, writes, author="station", creates=True)
    assert codes(found) == {("alive", "void_reason")}


def test_the_ledger_is_not_typed() -> None:
    ledger = forms.builtin().latest("work_ledger")
    for author in ("station", "hub"):
        found = check_writes(ledger, {"seq_no": "1"}, author=author, creates=True)
        assert codes(found) == {("", "projection")}


def test_a_draft_may_lack_what_a_sent_application_may_not(
    opening: Form, an_application: Builder
) -> None:
    lacking = an_application(site=None)
    found = check_writes(opening, lacking, author="station", creates=True)
    assert codes(found) == {("site", "required")}
    lacking["state"] = {"round": 1, "state": "draft"}
    assert check_writes(opening, lacking, author="station", creates=True) == []
    assert check_record(opening, lacking) == []


@pytest.mark.parametrize("state", ["approved", "rejected", "returned"])
def test_only_the_county_decides(opening: Form, state: str) -> None:
    value = {"round": 2 if state == "returned" else 1, "state": state}
    assert amend(opening, "station", state=value) == {("state", "state_move")}
    assert amend(opening, "hub", state=value) == set()


@pytest.mark.parametrize(
    "value",
    [
        "submitted",
        {"state": "submitted"},
        {"round": "1", "state": "submitted"},
        {"round": True, "state": "submitted"},
        {"round": 0, "state": "submitted"},
        {"round": 1, "state": "lost"},
        {"round": 1, "state": ["submitted"]},
    ],
)
def test_a_state_is_a_round_and_a_known_state(opening: Form, value: object) -> None:
    assert amend(opening, state=value) <= {("state", "type"), ("state", "not_in_list")}
    assert amend(opening, state=value)


def test_an_application_begins_in_its_first_round(opening: Form, an_application: Builder) -> None:
    for value in ({"round": 2, "state": "submitted"}, {"round": 1, "state": "approved"}):
        writes = an_application(state=value)
        found = check_writes(opening, writes, author="hub", creates=True)
        assert codes(found) == {("state", "state_move")}


def test_a_decision_is_whole(opening: Form, an_application: Builder) -> None:
    decided = an_application(state={"round": 1, "state": "approved"}, review_decision="approved")
    assert codes(check_record(opening, decided)) == {
        ("review_opinion", "required"),
        ("reviewed_on", "required"),
        ("reviewer_name", "required"),
    }


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("iVBORw0KGgoAAAAN", None),
        ("/9j/4AAQSkZJRg==", None),
        ("PHN2Zz4=", "format"),
        ("not base64!", "format"),
        ("iVBORw0KGgo" + "A" * 200_001, "too_long"),
        (b"\x89PNG", "type"),
    ],
)
def test_a_seal_is_a_small_png_or_jpeg(opening: Form, image: object, code: str | None) -> None:
    expected = {("seal_image", code)} if code else set()
    assert amend(opening, "hub", seal_image=image) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(data=st.data(), author=st.sampled_from(["station", "hub"]), creates=st.booleans())
def test_whatever_a_peer_sends_the_checker_answers(
    data: st.DataObject, author: str, creates: bool
) -> None:
    form = data.draw(st.sampled_from([forms.builtin().latest(n) for n in forms.builtin().names()]))
    registers = st.sampled_from([f.id for f in form.fields] + ["alive", "x", f"missing/{ELEMENT}"])
    writes = data.draw(st.dictionaries(registers | st.text(max_size=40), VALUES, max_size=6))
    problems = check_writes(form, writes, author=author, creates=creates)  # type: ignore[arg-type]
    problems += check_record(form, writes)
    assert all(problem.words(form).endswith("。") for problem in problems)


@given(writes=st.dictionaries(st.sampled_from(["applicant_name", "remark", "alive"]), st.text()))
def test_a_problem_never_repeats_what_was_written(writes: dict[str, str]) -> None:
    form = forms.builtin().latest("helper_case")
    known = {"500", "100", "1000"}
    for problem in check_writes(form, writes, author="station", creates=False):
        facts = [str(fact) for fact in problem.facts.values()]
        assert all(fact in known for fact in facts)


def test_a_text_that_must_have_a_shape_is_refused_in_another() -> None:
    card = forms.builtin().latest("station_card")
    field = next(each for each in card.fields if each.pattern == "[0-9]{9}")
    assert check_value(card, field, "140525001") is None
    problem = check_value(card, field, "14052500")
    assert problem is not None
    assert problem.code == "format"


def test_a_list_is_never_written_as_a_whole(proxy: Form) -> None:
    field = next(each for each in proxy.fields if each.type == "list")
    problem = check_value(proxy, field, [])
    assert problem is not None
    assert problem.code == "element_id"


def test_a_day_that_does_not_exist_is_no_moment() -> None:
    assert moment({"day": "2024-02-30"}, ("day",)) is None
    assert moment({"day": "2024-02-29"}, ("day",)) is not None


def test_a_state_is_shown_by_its_label_and_offers_the_states_of_the_workflow() -> None:
    form = forms.builtin().latest("station_open")
    assert form.workflow is not None
    field = next(each for each in form.fields if each.type == "state")
    for state in form.workflow.states:
        assert show(form, field, {"state": state.id, "round": 1}) == state.label
        assert form.choices(field)[state.id].label == state.label
    assert show(form, field, "draft") == "draft"


def test_a_column_that_a_list_does_not_have_is_no_column(proxy: Form) -> None:
    field = next(each for each in proxy.fields if each.type == "list")
    first = field.fields[0]
    assert field.column(first.id) is first
    with pytest.raises(KeyError):
        field.column("no such column")


def test_the_register_of_an_element_names_field_and_element() -> None:
    register = forms.element_register("missing", ELEMENT)
    assert forms.split_register(register) == ("missing", ELEMENT)


def test_the_elements_of_a_list_are_those_that_stand_in_the_order_of_their_ids() -> None:
    later, earlier, removed = (f"{n:032x}" for n in (2, 1, 3))
    values = {
        f"missing/{later}": {"name": "乙"},
        f"missing/{earlier}": {"name": "甲"},
        f"missing/{removed}": None,
        f"missings/{later}": {"name": "丙"},
        "missing": "",
    }
    assert list(forms.elements(values, "missing").items()) == [
        (earlier, {"name": "甲"}),
        (later, {"name": "乙"}),
    ]
