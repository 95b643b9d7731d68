"""Every route with every role, in one's own region and in another: nothing opens by oversight."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from hub_server import admin, public
from hub_server.accounts import ROLES
from hub_server.pages.routes import Route
from hub_server.permissions import ACTIONS
from hub_server.services.accounts import add_account
from tests.hub_server.conftest import an_entry
from tests.hub_server.pages.county import (
    ELSEWHERE,
    PASSWORD,
    TOWN,
    Browser,
    County,
    a_county,
    full_code,
)

GUARDED = [route for route in admin.ROUTES if route.action]
FILLED_IN = {
    "keep_agreement": {"no": "1", "kind": "agreement", "signed_on": "2026-03-01"},
    "reveal_case": {"reason": "回访核实"},
    "reveal_undecided": {"reason": "回访核实"},
    "review": {"action": "returned", "opinion": "请核对"},
}
OBJECTS = [route for route in GUARDED if "<" in route.path]


class Places:
    """One county, two towns, in each a station, a case, an application and an account."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.browsers: dict[str, Browser] = {}
        self.ids = {region: self._furnish(region) for region in (TOWN, ELSEWHERE)}

    def _furnish(self, region: str) -> dict[str, str]:
        desk = self.county.desk(region, applicant_unit=f"单位{region}")
        case = desk.write("intake_case", an_entry(task_name=f"事项{region}"))
        desk.synchronise()
        held = desk.write("intake_case", an_entry(), form_version=99)
        desk.synchronise()
        number, _ = self.county.apply(region_code=full_code(region), applicant_unit=f"申请{region}")
        return {
            "applications": self.county.record_of(number).hex(),
            "cases": case.hex(),
            "stations": desk.certificate.station_code,
            "undecided": held.hex(),
            "accounts": self._former_colleague(region).hex(),
        }

    def _former_colleague(self, region: str) -> bytes:
        admin = self.county.account("admin")
        name = f"旧账户{region}"
        return add_account(self.county.hub, admin, name, PASSWORD, "reviewer", region).id

    def browser(self, role: str) -> Browser:
        if role not in self.browsers:
            self.browsers[role] = self.county.signed_in(role, TOWN)
        return self.browsers[role]

    def ask(self, role: str, route: Route, region: str) -> TestResponse:
        browser = self.browser(role)
        path = self.path(route, region)
        if "GET" in route.methods:
            return browser.get(path)
        return browser.post(path, FILLED_IN.get(route.name))

    def path(self, route: Route, region: str) -> str:
        """The address of this route's object in a region; "" is one that exists nowhere."""
        room = route.path.split("/")[2]
        nowhere = "140502999" if room == "stations" else os.urandom(16).hex()
        found = self.ids[region][room] if region and "<" in route.path else nowhere
        return re.sub(r"<[^>]+>", found, route.path)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    county = a_county(Path(tmp_path_factory.mktemp("county")) / "hub")
    yield Places(county)
    county.hub.store.close()


def test_every_route_names_its_permission_or_is_known_to_need_none() -> None:
    free = {route.path for route in admin.ROUTES if not route.action}
    assert free == {"/login", "/logout", "/county"}
    assert {route.action for route in GUARDED} <= set().union(*ACTIONS.values())
    assert not [route for route in public.ROUTES if route.action]


def test_every_page_that_is_served_stands_in_a_list(places: Places) -> None:
    rules = places.county.app.url_map.iter_rules()
    served = {rule.rule for rule in rules if not rule.endpoint.endswith("static")}
    listed = {route.path for route in (*admin.ROUTES, *public.ROUTES)}
    assert {path for path in served if not path.startswith("/sync/")} == listed


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_stranger_is_asked_to_sign_in(places: Places, route: Route) -> None:
    browser = places.county.stranger()
    browser.get("/login")
    path = places.path(route, TOWN)
    answer = browser.get(path) if "GET" in route.methods else browser.post(path)
    if "GET" in route.methods:
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login")
    else:  # what was typed waits in the page that asks
        assert answer.status_code == 401
        assert "工作人员登录" in answer.text


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_role_opens_what_its_actions_allow_and_nothing_else(
    places: Places, route: Route, role: str
) -> None:
    answer = places.ask(role, route, TOWN)
    if route.action in ACTIONS[role]:
        assert answer.status_code not in (403, 404)
    else:
        assert answer.status_code == 403
        assert "您的角色没有此项权限" in answer.text


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", OBJECTS, ids=lambda route: route.name)
def test_what_another_region_has_reads_like_what_does_not_exist(
    places: Places, route: Route, role: str
) -> None:
    foreign = places.ask(role, route, ELSEWHERE)
    missing = places.ask(role, route, "")
    assert (foreign.status_code, foreign.text) == (missing.status_code, missing.text)
    assert foreign.status_code == (404 if route.action in ACTIONS[role] else 403)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "route", [r for r in GUARDED if "<" not in r.path], ids=lambda route: route.name
)
def test_no_list_shows_anything_of_another_region(places: Places, route: Route, role: str) -> None:
    for view in ("", "?view=done", f"?station={places.ids[ELSEWHERE]['stations']}"):
        assert ELSEWHERE not in places.browser(role).get(route.path + view).text


@pytest.mark.parametrize(
    "path", ["applications", "stations", "ledger", "undecided", "watch", "accounts"]
)
def test_every_list_shows_ones_own_region(places: Places, path: str) -> None:
    assert TOWN in places.browser("admin").get(f"/county/{path}").text


@pytest.mark.parametrize(
    "route",
    [r for r in (*admin.ROUTES, *public.ROUTES) if "POST" in r.methods],
    ids=lambda route: route.name,
)
def test_nothing_is_changed_without_the_token_of_a_page(places: Places, route: Route) -> None:
    browser = places.browser("admin")
    path = places.path(route, TOWN) if "<" in route.path else route.path
    answer = browser.client.post(path, data={})
    assert answer.status_code == 400
    assert "页面放置过久" in answer.text


def test_the_ids_of_an_address_are_ids_or_nothing(places: Places) -> None:
    for wrong in ("x", "00", "../admin", "g" * 32):
        assert places.browser("admin").get(f"/county/cases/{wrong}").status_code == 404
