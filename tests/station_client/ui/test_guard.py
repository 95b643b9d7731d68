"""The loopback pages serve one browser of this user, and refuse everybody else on every route."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from station_client.ui import start_url
from station_client.ui.guard import HEADERS
from station_client.ui.routes import ENTRANCE, PAGES
from tests.station_client import desk as builders
from tests.station_client.ui import visit
from tests.station_client.ui.visit import HERE, HOST, PORT, Program, Visitor

RECORD = "0" * 32
ROUTES = sorted(
    {(rule, method) for rule, _, _, method in ENTRANCE}
    | {(page.rule, page.method) for page in PAGES}
)


def address(rule: str) -> str:
    for part, filled in {
        "<record>": RECORD,
        "<path:register>": "remark",
        "<kind>": "change",
        "<clerk>": RECORD,
    }.items():
        rule = rule.replace(part, filled)
    return rule


GETS = [address(rule) for rule, method in ROUTES if method == "GET"]
POSTS = [address(rule) for rule, method in ROUTES if method == "POST"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = visit.a_program(tmp_path_factory.mktemp("guard"))
    yield program
    program.station.close()


@pytest.fixture(scope="module")
def visitor(program: Program) -> Visitor:
    return visit.an_open_visitor(program)


def statuses(visitor: Visitor, method: str, **headers: str) -> dict[str, int]:
    """Path → status of every route of the method, asked with these headers."""
    paths = GETS if method == "GET" else POSTS
    sent = {"Origin": HERE, **headers} if method == "POST" else headers
    sent = {name: text for name, text in sent.items() if text != "-"}
    data = {"csrf_token": visitor.token()} if method == "POST" else None
    return {
        path: visitor.client.open(
            path, method=method, base_url=HERE, headers=sent, data=data
        ).status_code
        for path in paths
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", f"localhost:{PORT}", "127.0.0.1", "127.0.0.1:1",
     f"[::1]:{PORT}", f"127.0.0.1.evil.example:{PORT}", f"0.0.0.0:{PORT}"],
)  # fmt: skip
def test_a_name_that_was_bound_to_this_port_is_refused(
    visitor: Visitor, method: str, host: str
) -> None:
    assert set(statuses(visitor, method, Host=host).values()) == {403}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "unheard-of"])
def test_what_another_site_lets_the_browser_ask_is_refused(
    visitor: Visitor, method: str, site: str
) -> None:
    assert set(statuses(visitor, method, **{"Sec-Fetch-Site": site}).values()) == {403}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", f"https://{HOST}", "-"]
)
def test_a_form_of_another_origin_is_refused(visitor: Visitor, origin: str) -> None:
    assert set(statuses(visitor, "POST", Origin=origin).values()) == {403}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("cookie", ["", "bianmin=1", f"bianmin_{PORT}=forged", "session=x"])
def test_without_our_cookie_nothing_is_told(program: Program, method: str, cookie: str) -> None:
    paths = GETS if method == "GET" else POSTS
    for path in paths:
        answer = program.app.test_client().open(
            path, method=method, base_url=HERE, headers={"Cookie": cookie, "Origin": HERE}
        )
        assert answer.status_code == 401, path
        assert "示例镇" not in answer.text, path


@pytest.mark.parametrize("token", ["", "x", "IjEi.aaaa.bbbb"])
def test_a_form_without_the_pages_own_token_changes_nothing(
    program: Program, visitor: Visitor, token: str
) -> None:
    before = len(visit.records(program))
    for path in POSTS:
        answer = visitor.client.post(
            path,
            base_url=HERE,
            headers={"Origin": HERE},
            data={**visit.typed(), "csrf_token": token},
        )
        assert answer.status_code == 400, path
    assert len(visit.records(program)) == before


def test_what_changes_something_cannot_be_asked_by_a_link(visitor: Visitor) -> None:
    for path in set(POSTS) - set(GETS):
        assert visitor.get(path).status_code == 405, path


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_unknown(visitor: Visitor, method: str) -> None:
    sent = {"Origin": HERE, "X-CSRFToken": visitor.token()}
    answer = visitor.client.open("/status", method=method, base_url=HERE, headers=sent)
    assert answer.status_code == 405


def test_the_launch_token_works_once(program: Program) -> None:
    guard = visit.Guard(PORT)
    app = visit.create_app(program.desk, guard)
    token = guard.mint()
    first, second = Visitor(app.test_client()), Visitor(app.test_client())
    assert first.get(f"/enter/{token}").status_code == 302
    assert second.get(f"/enter/{token}").status_code == 401
    assert second.get("/").status_code == 401
    assert first.get("/").status_code in {200, 302}


def test_only_the_newest_launch_token_opens(program: Program) -> None:
    older, newer = program.guard.mint(), program.guard.mint()
    browser = Visitor(program.app.test_client())
    assert browser.get(f"/enter/{older}").status_code == 401
    assert browser.get("/enter/中文").status_code == 401
    assert browser.get(f"/enter/{newer}").status_code == 302


def test_who_comes_in_again_stands_before_the_lock(tmp_path: Path) -> None:
    program = visit.a_program(tmp_path)
    before = visit.an_open_visitor(program)
    again = visit.a_visitor(program)
    assert again.get("/").headers["Location"].startswith("/unlock")
    assert before.get("/").status_code == 401
    program.station.close()


def test_a_token_of_another_start_opens_nothing(program: Program) -> None:
    answer = Visitor(program.app.test_client()).get(f"/enter/{visit.Guard(PORT).mint()}")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_unlocking_gives_another_session_and_ends_the_one_before(tmp_path: Path) -> None:
    program = visit.a_program(tmp_path)
    visitor = visit.a_visitor(program)
    seen = visitor.client.get_cookie(f"bianmin_{PORT}", domain="127.0.0.1")
    assert seen is not None
    visitor.post("/unlock", {"secret": builders.PIN})
    stolen = program.app.test_client()
    stolen.set_cookie(f"bianmin_{PORT}", seen.value, domain="127.0.0.1")
    assert stolen.get("/", base_url=HERE).status_code == 401
    assert visitor.get("/").status_code == 200
    program.station.close()


def test_the_cookie_is_for_this_browser_and_this_site_only(program: Program) -> None:
    guard = visit.Guard(PORT)
    app = visit.create_app(program.desk, guard)
    cookie = Visitor(app.test_client()).get(f"/enter/{guard.mint()}").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Expires" not in cookie


@pytest.mark.parametrize("path", [*GETS, "/no-such-page", "/static/station.js"])
def test_every_answer_says_what_the_browser_may_do_with_it(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    answer.close()
    headers = answer.headers
    said = {name: headers[name] for name in HEADERS if name != "Cache-Control"}
    assert said == {name: text for name, text in HEADERS.items() if name != "Cache-Control"}
    assert headers["Cache-Control"] == "no-store" or path.startswith("/static/")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/unlock", "/enter/x", "/no-such-page"])
def test_a_refusal_does_not_touch_the_clerks_cookie(program: Program, path: str) -> None:
    """Else a link on any site would throw the clerk out."""
    stranger = program.app.test_client()
    for headers in [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]:
        answer = stranger.get(path, base_url=HERE, headers=headers)
        assert answer.status_code in {401, 403}
        assert "Set-Cookie" not in answer.headers


def test_refusals_carry_the_headers_too(program: Program) -> None:
    headers = program.app.test_client().get("/", base_url=HERE).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    "going_on",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""],
)
def test_the_unlock_page_leads_nowhere_else(tmp_path: Path, going_on: str) -> None:
    program = visit.a_program(tmp_path)
    visitor = visit.a_visitor(program)
    answer = visitor.post("/unlock", {"secret": builders.PIN, "next": going_on})
    assert answer.headers["Location"] == "/"
    program.station.close()


def test_the_address_that_is_opened_holds_the_token() -> None:
    assert start_url(PORT, "abc") == f"{HERE}/enter/abc"
