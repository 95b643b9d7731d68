"""What protects a browser: headers, hosts, nothing from outside, foreign text that stays text."""

import re
from pathlib import Path

import pytest

import hub_server
from tests.hub_server.conftest import an_entry
from tests.hub_server.pages.county import Browser, County, a_county, an_application

PUBLIC = ["/", "/apply", "/apply/sent", "/progress", "/login", "/nowhere"]
PAGES = [
    "/county/applications",
    "/county/stations",
    "/county/ledger",
    "/county/watch",
    "/county/accounts",
    "/county/audit",
]
XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</textarea><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    "&lt;script&gt;",
]


@pytest.mark.parametrize("path", PUBLIC)
def test_every_page_forbids_what_it_does_not_need(county: County, path: str) -> None:
    answer = county.stranger().get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def everything(county: County) -> list[str]:
    admin = county.signed_in("admin")
    pages = [admin.get(path) for path in PAGES] + [county.stranger().get(path) for path in PUBLIC]
    assert all(page.status_code in (200, 404) for page in pages)
    return [page.text for page in pages]


def test_no_page_has_an_inline_script_a_style_or_an_outside_address(county: County) -> None:
    county.apply()
    for page in everything(county):
        assert re.findall(r"<script(?![^>]* src=)[^>]*>", page) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []
        loaded = re.findall(r'<(?:link|script|img)[^>]* (?:href|src)="([^"]+)"', page)
        assert [address for address in loaded if not address.startswith("/")] == []


def test_everything_a_page_loads_is_there(county: County) -> None:
    browser = county.stranger()
    loaded = set(re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]+)"', browser.get("/").text))
    assert len(loaded) == 4
    found = {path: browser.get(path, buffered=True).status_code for path in loaded}
    assert found == dict.fromkeys(loaded, 200)


def test_the_hub_answers_only_to_the_names_it_is_given(tmp_path: Path) -> None:
    county = a_county(tmp_path / "named", trusted_hosts=["hub.example"])
    browser = county.stranger()
    assert browser.get("/", base_url="http://hub.example").status_code == 200
    assert browser.get("/", base_url="http://evil.example").status_code == 400
    county.hub.store.close()


@pytest.mark.parametrize("evil", XSS)
def test_what_an_applicant_writes_stays_text(county: County, evil: str) -> None:
    told = an_application(applicant_unit=evil, site=evil, conditions=evil, county=evil, remark=evil)
    number, check_code = county.apply(**told)
    record = county.record_of(number).hex()
    reviewer = county.signed_in("reviewer")
    pages = [reviewer.get("/county/applications"), reviewer.get(f"/county/applications/{record}")]
    applicant = county.stranger()
    applicant.get("/progress")
    key = {"number": number, "check_code": check_code}
    pages.append(applicant.post("/progress", key))
    assert all(is_harmless(page.text, evil) for page in pages)


@pytest.mark.parametrize("evil", XSS)
def test_what_is_typed_and_shown_again_stays_text(county: County, evil: str) -> None:
    browser = county.stranger()
    browser.get("/apply")
    wrong = an_application(applicant_unit=evil, conditions=evil, contact_phone=evil)
    assert is_harmless(browser.post("/apply", wrong).text, evil)
    assert is_harmless(browser.post("/progress", {"number": evil, "check_code": evil}).text, evil)
    browser.client.delete_cookie("bianmin_hub")
    assert is_harmless(browser.post("/apply", wrong).text, evil)


@pytest.mark.parametrize("evil", XSS)
def test_what_a_station_writes_stays_text(county: County, evil: str) -> None:
    desk = county.desk(applicant_unit=evil)
    desk.write("clerk", {"name": evil}, desk.clerk)
    names = ("applicant_name", "task_name", "dept_name", "window_name", "handler_name", "remark")
    case = desk.write("intake_case", an_entry(**dict.fromkeys(names, evil)))
    desk.synchronise()
    admin: Browser = county.signed_in("admin")
    code = desk.certificate.station_code
    paths = [*PAGES, f"/county/stations/{code}", f"/county/cases/{case.hex()}"]
    pages = [admin.get(path).text for path in paths]
    pages.append(admin.post(f"/county/cases/{case.hex()}/reveal", {"reason": evil}).text)
    pages.append(admin.get("/county/audit").text)
    assert all(is_harmless(page, evil) for page in pages)


def is_harmless(page: str, evil: str) -> bool:
    """Nothing of it became markup: no tag, no attribute, no template."""
    tags = re.findall(r"<[^>]*>", page)
    alive = [tag for tag in tags if re.search(r"alert|onerror|onload|javascript:", unquoted(tag))]
    return not alive and "49" not in re.findall(r">([0-9]+)<", page)


def unquoted(tag: str) -> str:
    """A tag without the values of its attributes: what is left is markup."""
    return re.sub(r'"[^"]*"', '""', tag)


def test_the_templates_never_switch_escaping_off() -> None:
    folder = Path(hub_server.__file__).parent
    files = [*folder.rglob("*.html")]
    assert len(files) > 15
    assert [f.name for f in files if re.search(r"\|\s*safe|autoescape", f.read_text("utf-8"))] == []
