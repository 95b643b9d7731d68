"""From what people write to the one value it can mean, and never a guess."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forms
from forms import reading
from forms.reading import Unreadable
from forms.values import check_value, show, show_limit

CASE_STATUS = forms.builtin().latest("intake_case").codes["case_status"]


@pytest.mark.parametrize(
    "written",
    [
        "2024年3月1日",
        "2024年03月01日",
        "2024 年 3 月 1 日",
        "2024年3月1号",
        "2024年3月1",
        "2024-3-1",
        "2024.3.1",
        "2024.03.01",
        "2024/3/1",
        "20240301",
        "２０２４－０３－０１",
        "２０２４年３月１日",
        " 2024-03-01 ",
        "2024-03-01 00:00:00",
        "2024-03-01T00:00:00",
        "2024-03-01 17:02",
        "2024年3月1日9:05",
        "2024年3月1日 下午3:20",
        "2024年3月1日 星期五",
        "2024年3月1日上午",
        "2024-3-1下午",
        "2024-03-01 周五 上午",
        "2024.3.1日",
        "2024.3.1.",
        "2024-03-01（周五）",
        "二〇二四年三月一日",
        "二○二四年三月一日",
        "二0二四年三月一日",
        "二O二四年三月一日",
        "2024—03—01",
        "2024–3–1",
        "2024——3——1",
        "2024-03-01\n",
        45352,
        45352.0,
        45352.75,
        20240301,
        20240301.0,
        "45352",
        "2024。3。1",
        '="2024-03-01"',
        "\u202d2024-03-01\u202c",
        datetime.fromisoformat("2024-03-01T17:02"),
    ],
)
def test_a_date_is_read_and_said_to_be_mended(written: reading.Raw) -> None:
    assert reading.read_date(written) == ("2024-03-01", True)


@pytest.mark.parametrize(
    "written", ["2024-03-01", date(2024, 3, 1), datetime.fromisoformat("2024-03-01")]
)
def test_a_date_in_the_ledgers_own_way_is_not_mended(written: reading.Raw) -> None:
    assert reading.read_date(written) == ("2024-03-01", False)


@pytest.mark.parametrize(
    "written",
    [
        "03/04/2024",
        "24-3-1",
        "24年3月1日",
        "3月1日",
        "2024-3",
        "2024年3月",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-03/01",
        "20240230",
        "2024-03-01至2024-03-05",
        "2024-03-01 25:00",
        "2024-3-19:30",
        "2024年3月1日（补录）",
        "2024年3月1日 星期一",
        "二〇二四年三月三十二日",
        "二〇二四年十十月一日",
        "24301",
        "3/4/2024",
        "30/2/2024",
        "#N/A",
        "同上",
        "昨天",
        "",
        None,
        True,
        0.5,
        1.0,
        99_999_999.0,
        float("nan"),
        float("inf"),
        time(9, 5),
        timedelta(days=1),
        date(1900, 1, 3),
    ],
)
def test_a_date_with_no_or_several_meanings_is_not_guessed(written: reading.Raw) -> None:
    with pytest.raises(Unreadable):
        reading.read_date(written)


@pytest.mark.parametrize("written", ["25/3/2024", "3/25/2024", "25.3.2024", "03-25-2024"])
def test_a_year_at_the_end_is_read_where_only_one_order_is_possible(written: str) -> None:
    assert reading.read_date(written) == ("2024-03-25", True)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_is_read_the_same_in_every_way_of_writing(day: date) -> None:
    ways = [
        day.isoformat(),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}/{day.month:02d}/{day.day:02d}",
        f"{day:%Y%m%d}".rjust(8, "0"),
    ]
    assert {reading.read_date(way).value for way in ways} == {day.isoformat()}


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2099, 12, 31)))
def test_a_spreadsheets_day_number_is_its_day(day: date) -> None:
    assert reading.read_date(float((day - date(1899, 12, 30)).days)).value == day.isoformat()


@given(st.text(max_size=30) | st.floats() | st.integers())
def test_whatever_is_written_a_reader_gives_a_valid_value_or_says_unreadable(
    written: str | float,
) -> None:
    form = forms.builtin().latest("intake_case")
    fields = {"ledger_date": reading.read_date, "received_at": reading.read_time}
    fields["contact_phone"] = reading.read_phone
    for field_id, reader in fields.items():
        try:
            value = reader(written).value
        except Unreadable:
            continue
        assert check_value(form, form.field(field_id), value) is None
        assert reader(value) == (value, False)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("9:5", "09:05"),
        ("9:05", "09:05"),
        ("9：05", "09:05"),
        ("９：０５", "09:05"),
        ("9 : 05", "09:05"),
        ("09:05:00", "09:05"),
        ("09:05:33", "09:05"),
        ("0905", "09:05"),
        ("9;05", "09:05"),
        ("0.378472222", "09:05"),
        ("17时02分", "17:02"),
        ("17点02", "17:02"),
        ("17点", "17:00"),
        ("9点半", "09:30"),
        ("9点整", "09:00"),
        ("九点半", "09:30"),
        ("上午九点零五分", "09:05"),
        ("下午两点三十五", "14:35"),
        ("十一时", "11:00"),
        ("3时20分", "03:20"),
        ("下午3:20", "15:20"),
        ("下午 3:20", "15:20"),
        ("下午3点20分", "15:20"),
        ("下午15:20", "15:20"),
        ("下午12:30", "12:30"),
        ("中午12:30", "12:30"),
        ("中午1:10", "13:10"),
        ("上午9:05", "09:05"),
        ("晚上8:00", "20:00"),
        ("3:20 PM", "15:20"),
        ("12:10 am", "00:10"),
        (0.5, "12:00"),
        (0.378472222, "09:05"),
        (time(9, 5), "09:05"),
        (datetime.fromisoformat("1899-12-31T09:05"), "09:05"),
        (timedelta(hours=9, minutes=5), "09:05"),
    ],
)
def test_a_time_is_read_and_said_to_be_mended(written: reading.Raw, value: str) -> None:
    assert reading.read_time(written) == (value, True)


@pytest.mark.parametrize(
    "written",
    [
        "24:00",
        "9:60",
        "9:05:61",
        "9",
        "905",
        "9.30",
        "上午",
        "3点",
        "三点半",
        "九点十十分",
        "上午12:30",
        "上午17:02",
        "下午0:10",
        "晚上12:00",
        "晚上1:00",
        "13:00 PM",
        "2024-03-01",
        "",
        1.5,
        -0.1,
        True,
        timedelta(hours=25),
    ],
)
def test_a_time_with_no_or_several_meanings_is_not_guessed(written: reading.Raw) -> None:
    with pytest.raises(Unreadable):
        reading.read_time(written)


@given(st.integers(0, 1439))
def test_every_minute_of_the_day_survives_a_spreadsheet(minute: int) -> None:
    value = f"{minute // 60:02d}:{minute % 60:02d}"
    assert reading.read_time(minute / 1440).value == value
    assert reading.read_time(value) == (value, False)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("138 1234 5678", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("１３８１２３４５６７８", "13812345678"),
        ("+86 13812345678", "13812345678"),
        ("0086-13812345678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("'13812345678", "13812345678"),
        ("13812345678.0", "13812345678"),
        ("13812345678\n", "13812345678"),
        (13812345678.0, "13812345678"),
        (13812345678, "13812345678"),
        ("03562025678", "0356-2025678"),
        ("0356 2025678", "0356-2025678"),
        ("(0356)2025678", "0356-2025678"),
        ("（0356）2025678", "0356-2025678"),
        ("0356—2025678", "0356-2025678"),
        ("01062025678", "010-62025678"),
        ("0356-2025678-801", "0356-2025678-801"),
        ("400-800-1234", "4008001234"),
        ("1.3812345678E+10", "13812345678"),
        ("0356-2025678转801", "0356-2025678-801"),
        ("电话：13812345678", "13812345678"),
        ("13812345678、", "13812345678"),
        ('="13812345678"', "13812345678"),
        ("\u202d13812345678\u202c", "13812345678"),
        ("2025678", "2025678"),
        ("12345", "12345"),
    ],
)
def test_a_phone_is_read(written: reading.Raw, value: str) -> None:
    assert reading.read_phone(written) == (value, value != written)


@pytest.mark.parametrize(
    "written",
    [
        "1.38E+10",
        "1.38123e+010",
        "1.4E10",
        "13812345678/13912345678",
        "13812345678 13912345678",
        "13812345678、2025678",
        "1381234567",
        "138123456789",
        "12812345678",
        "138****5678",
        "0356",
        "无",
        "",
        1.4e9,
        13812345678.5,
    ],
)
def test_a_phone_that_lost_digits_or_is_two_is_not_guessed(written: reading.Raw) -> None:
    with pytest.raises(Unreadable):
        reading.read_phone(written)


@pytest.mark.parametrize(
    ("written", "key", "changed"),
    [
        ("已办结", "finished", False),
        ("办结", "finished", True),
        (" 已 办结 ", "finished", True),
        ("完成。", "finished", True),
        ("退回", "returned", True),
        ("补件", "supplementing", True),
        ("已办好", "finished", True),
        ("正在办", "handling", True),
    ],
)
def test_a_code_is_read_from_what_people_write(written: str, key: str, changed: bool) -> None:
    assert reading.read_code(written, CASE_STATUS) == (key, changed)


@pytest.mark.parametrize("written", ["", "办结/退件", "快了", "已办"])
def test_an_unknown_word_is_no_code(written: str) -> None:
    with pytest.raises(Unreadable):
        reading.read_code(written, CASE_STATUS)


def test_several_codes_come_in_the_order_of_the_list() -> None:
    choices = forms.builtin().latest("helper_case").codes["help_kinds"]
    assert reading.read_codes("联系部门，陪同、陪同", choices) == (["accompany", "contact"], True)
    assert reading.read_codes("陪同、联系部门", choices) == (["accompany", "contact"], False)


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("即办", 0),
        ("即办件", 0),
        ("当场办结", 0),
        ("5个工作日", 5),
        ("５个工作日", 5),
        ("5 工作日", 5),
        (" 5 个 工作 日 ", 5),
        ("即 办", 0),
        ("承诺5个工作日内", 5),
        ("十五个工作日", 15),
        ("二十个工作日", 20),
        ("两个工作日", 2),
        ("当场", 0),
        ("5个工作日。", 5),
    ],
)
def test_a_limit_is_read(written: str, days: int) -> None:
    assert reading.read_limit(written) == (days, show_limit(days) != written)


@pytest.mark.parametrize(
    "written", ["5", "5天", "5日", "5个自然日", "0个工作日", "3-5个工作日", "3 5个工作日", ""]
)
def test_a_limit_in_days_of_an_unknown_kind_is_not_guessed(written: str) -> None:
    with pytest.raises(Unreadable):
        reading.read_limit(written)


@pytest.mark.parametrize(
    ("written", "value"), [("是", True), ("√", True), ("N", False), ("无", False), (True, True)]
)
def test_yes_and_no_are_read(written: reading.Raw, value: bool) -> None:
    assert reading.read_yes_no(written).value is value
    with pytest.raises(Unreadable):
        reading.read_yes_no("也许")


def test_a_text_loses_what_cannot_be_seen_and_nothing_else() -> None:
    assert reading.read_text("  李 兰\x00 ") == ("李 兰", True)
    assert reading.read_text("设立\n登记") == ("设立 登记", True)
    assert reading.read_text("一\r\n二", lines=True) == ("一\n二", True)
    assert reading.read_text("ＡＢＣ公司") == ("ＡＢＣ公司", False)
    assert reading.read_text(12.0) == ("12", False)
    with pytest.raises(Unreadable):
        reading.read_text("#N/A")


def test_a_short_chinese_name_loses_the_blanks_that_spread_it_and_two_persons_do_not() -> None:
    assert reading.read_person("王　明") == ("王明", True)
    assert reading.read_person("王 小明") == ("王小明", True)
    assert reading.read_person("𠮷 田") == ("𠮷田", True)
    for name in ("王小明", "张三 李四", "John Smith", "阿依·古丽"):
        assert reading.read_person(name) == (name, False)


def test_a_time_with_a_date_before_it_is_read_if_that_is_the_lines_day() -> None:
    for written in (
        "2024-03-01 9:05",
        "2024年3月1日9:05",
        datetime.fromisoformat("2024-03-01T09:05"),
    ):
        assert reading.read_time(written, day="2024-03-01") == ("09:05", True)
        with pytest.raises(Unreadable):
            reading.read_time(written, day="2024-03-02")


def test_a_clock_time_alone_is_of_the_day_that_is_given() -> None:
    moment = "2024-03-01T09:05:00+08:00"
    assert reading.read_datetime("09:05", day="2024-03-01") == (moment, False)
    assert reading.read_datetime("2024年3月1日 9点5分") == (moment, True)
    assert reading.read_datetime("2024-03-01 09:05") == (moment, True)
    assert reading.read_datetime(datetime.fromisoformat("2024-03-01T09:05")) == (moment, True)
    for written in ("09:05", "2024-03-01", ""):
        with pytest.raises(Unreadable):
            reading.read_datetime(written)


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("contact_phone", "138 1234 5678", "13812345678"),
        ("registered_at", "2024-03-01 09:05", "2024-03-01T09:05:00+08:00"),
        ("registered_at", "2024-03-01T09:05", "2024-03-01T09:05:00+08:00"),
        ("promised_limit", "5", 5),
        ("promised_limit", "即办", 0),
        ("materials_complete", "否", False),
        ("case_status", "finished", "finished"),
        ("help_kinds", "accompany 联系部门", ["accompany", "contact"]),
        ("case_no", "1405 8100 1240 3011 0007 X", "140581001240301100" + "07X"),
        ("applicant_name", " 李兰 ", "李兰"),
        ("question", "一\n二 ", "一\n二"),
        ("remark", "  ", None),
    ],
)
def test_what_is_typed_into_a_page_becomes_the_value(field: str, typed: str, value: object) -> None:
    form = forms.builtin().latest("helper_case")
    assert reading.read_value(form, form.field(field), typed) == value


def test_what_no_one_types_is_not_read_from_a_page() -> None:
    form = forms.builtin().latest("helper_case")
    with pytest.raises(Unreadable):
        reading.read_value(form, form.field("applicant_sign"), "李兰")


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("promised_limit", 0, "即办"),
        ("promised_limit", 15, "15个工作日"),
        ("materials_complete", False, "否"),
        ("case_status", "finished", "已办结"),
        ("help_kinds", ["accompany", "contact"], "陪同、联系部门"),
        ("registered_at", "2024-03-01T09:05:00+08:00", "2024-03-01 09:05"),
        ("contact_phone", "13812345678", "13812345678"),
    ],
)
def test_a_value_shown_and_read_again_is_the_same(field: str, value: object, shown: str) -> None:
    form = forms.builtin().latest("helper_case")
    assert show(form, form.field(field), value) == shown
    assert reading.read_value(form, form.field(field), shown) == value


def test_a_digit_right_behind_a_date_has_two_meanings() -> None:
    for written in ("2024-3-19:30", "2024-03-199:30"):
        with pytest.raises(Unreadable):
            reading.read_date(written)
    assert reading.read_date("2024-03-1 9:30").value == "2024-03-01"


def test_a_whole_number_is_read_and_yes_is_none() -> None:
    assert reading.read_integer(" 12 ").value == 12
    for raw in (True, "1.5", "", "1e3"):
        with pytest.raises(Unreadable):
            reading.read_integer(raw)
