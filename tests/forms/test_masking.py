"""What a list may show of a person: enough to find the line again, not to reach the person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forms
from forms.masking import mask_id, mask_line, mask_name, mask_phone, mask_text, mask_value


@pytest.mark.parametrize(("name", "masked"), [("李兰", "李*"), ("欧阳娜娜", "欧*"), ("", "")])
def test_a_name_keeps_its_first_character(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812345678", "138****5678"),
        ("138 1234 5678", "138****5678"),
        ("１３８１２３４５６７８", "138****5678"),
        ("0356-2025678", "0356-****678"),
        ("010-62025678", "010-****678"),
        ("1.38E+10", "*.**E+**"),
        ("2025678", "*******"),
        ("", ""),
    ],
)
def test_a_phone_is_masked_however_it_is_written(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


def test_an_identity_number_keeps_six_and_four() -> None:
    assert mask_id("140502199001011234") == "140502********1234"
    assert mask_id("12345") == "*****"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("联系李兰13812345678或0356-2025678", "联系李兰138****5678或0356-****678"),
        ("电话：138-1234-5678。", "电话：138****5678。"),
        ("身份证14050219900101123X", "身份证140502********123X"),
        ("卡号6222021234567890123", "卡号622202*********0123"),
        ("编号140581001240301100070", "编号140581001240301100070"),
        ("2024-03-01，5个工作日", "2024-03-01，5个工作日"),
        ("全角１３８１２３４５６７８", "全角138****5678"),
    ],
)
def test_numbers_inside_a_text_are_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@given(
    st.text(alphabet=st.characters(blacklist_categories=("Nd", "Cs", "No", "Nl"))),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text(alphabet=st.characters(blacklist_categories=("Nd", "Cs", "No", "Nl"))),
)
def test_no_text_leaks_a_mobile_number(before: str, phone: str, after: str) -> None:
    masked = mask_text(before + phone + after)
    assert phone not in masked
    assert f"{phone[:3]}****{phone[7:]}" in masked


def test_a_ledger_line_keeps_matter_and_hides_the_person() -> None:
    cells = ["1", "2024-03-01", "北留站", "综合窗口", "人社局", "李兰", "13812345678", "失业登记"]
    cells += ["是", "即办", "退件", "请拨13912345678", "09:05", "", "王芳", "邮寄0356-2025678"]
    masked = mask_line(cells)
    assert masked[5:8] == ("李*", "138****5678", "失业登记")
    assert masked[11] == "请拨139****5678"
    assert masked[15] == "邮寄0356-****678"
    assert [n for n in range(16) if masked[n] != cells[n]] == [5, 6, 11, 15]


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    [
        ("applicant_name", "李兰", "李*"),
        ("contact_phone", "13812345678", "138****5678"),
        ("question", "我叫李兰，13812345678", "我叫李兰，138****5678"),
        ("special_group", ["disabled"], "*"),
        ("special_group", None, ""),
        ("applicant_sign", {"digest": "0" * 64}, "*"),
        ("missing", None, ""),
        ("case_status", "finished", "已办结"),
        ("promised_limit", 0, "即办"),
    ],
)
def test_a_value_is_masked_by_what_its_definition_says(
    field: str, value: object, masked: str
) -> None:
    form = forms.builtin().latest("helper_case")
    assert mask_value(form, form.field(field), value) == masked
