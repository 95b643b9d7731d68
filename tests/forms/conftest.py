"""Builders of valid things: each gives a whole record's writes, and takes what shall differ."""

from collections.abc import Callable
from datetime import date

import pytest

import forms
from forms.numbering import make_case_number

Writes = dict[str, object]
Builder = Callable[..., Writes]
CASE_NO = make_case_number(station_code="140581001", day=date(2024, 3, 1), device=1, sequence=7)


def _builder(**usual: object) -> Builder:
    def build(**changes: object) -> Writes:
        writes = {**usual, **changes}
        return {register: value for register, value in writes.items() if value is not ...}

    return build


@pytest.fixture
def an_entry() -> Builder:
    """A plain ledger line, typed at the desk. ``field=...`` leaves the field out."""
    return _builder(
        case_no=CASE_NO,
        ledger_date="2024-03-01",
        station_name="北留镇银行网点政务服务便民服务站",
        window_name="综合窗口",
        dept_name="人社局",
        applicant_name="李兰",
        contact_phone="13812345678",
        task_name="失业登记",
        is_accepted="yes",
        promised_limit=5,
        case_status="handling",
        received_at="09:05",
        handler_name="王芳",
        alive="",
    )


@pytest.fixture
def a_helper_case() -> Builder:
    return _builder(
        case_no=CASE_NO,
        station_name="北留镇银行网点政务服务便民服务站",
        registered_at="2024-03-01T09:05:00+08:00",
        channel="visit",
        applicant_name="李兰",
        contact_phone="13812345678",
        task_name="失业登记",
        dept_name="人社局",
        window_name="综合窗口",
        is_accepted="yes",
        promised_limit=0,
        case_status="handling",
        helper_name="王芳",
        alive="",
    )


@pytest.fixture
def a_proxy_case() -> Builder:
    return _builder(
        case_no=CASE_NO,
        station_name="北留镇银行网点政务服务便民服务站",
        registered_at="2024-03-01T09:05:00+08:00",
        channel="call",
        applicant_name="李兰",
        contact_phone="0356-2025678",
        task_name="设立登记",
        dept_name="行政审批局",
        principal="李兰",
        agent="王芳",
        scope="代为提交申请材料",
        window_name="帮办代办窗口",
        is_accepted="yes",
        promised_limit=3,
        case_status="handling",
        alive="",
    )


@pytest.fixture
def an_application() -> Builder:
    """An application to open a station (Annex A), sent."""
    return _builder(
        applicant_unit="山西银行北留支行",
        contact_phone="0356-2025678",
        county="阳城县",
        site="北留镇商业街1号",
        conditions="人流量大，两名工作人员",
        state={"round": 1, "state": "submitted"},
        alive="",
    )


@pytest.fixture
def intake() -> forms.Form:
    return forms.builtin().latest("intake_case")


@pytest.fixture
def helper() -> forms.Form:
    return forms.builtin().latest("helper_case")


@pytest.fixture
def proxy() -> forms.Form:
    return forms.builtin().latest("proxy_case")


@pytest.fixture
def opening() -> forms.Form:
    return forms.builtin().latest("station_open")
