"""The first start: a fresh folder becomes a PC of a station through the set-up page."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import forms
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import Home
from station_client.services.enrol_station import enrol_station
from station_client.station import Station
from station_client.ui import Desk, Enrolment, Guard, create_app
from station_client.vault import Vault
from tests.station_client import desk as builders
from tests.station_client.fake_hub import FakeHub
from tests.station_client.ui.visit import PORT, Visitor

KEYSTORE = DeviceSecret("found", b"d" * 32)
PASSPHRASE = DeviceSecret("insecure")


@dataclass
class Fresh:
    """A program in an empty folder, and the county it may be enrolled with."""

    visitor: Visitor
    home: Home
    hub: FakeHub
    opened: list[Station]

    def type(self, **changes: str) -> dict[str, str]:
        return {
            "hub_url": "http://hub.invalid",
            "code": self.hub.new_code(),
            "name": "李娟",
            "secret": builders.PIN,
            "again": builders.PIN,
            **changes,
        }


def a_fresh_program(folder: Path, device: DeviceSecret, monkeypatch: pytest.MonkeyPatch) -> Fresh:
    clock = builders.Clock()
    home, hub = Home.open(folder), FakeHub(clock)
    opened: list[Station] = []

    def enrol(asked: Enrolment) -> Station:
        station = enrol_station(
            home,
            asked.secret,
            asked.hub_url,
            asked.code,
            asked.name,
            device=device,
            device_name="desk",
            forms=forms.builtin(),
            now_ms=clock,
            connect=lambda url: hub,
        )
        opened.append(station)
        return station

    def unlock(secret: str, clerk: bytes | None) -> Station:
        Vault.open(home, find_device=lambda: device).unlock(secret, clerk)
        if not opened:
            raise StationError("station.not_enrolled")
        return opened[0]

    monkeypatch.setattr("station_client.ui.pages.entering.find_or_create", lambda *_, **__: device)
    guard = Guard(PORT)
    visitor = Visitor(create_app(Desk(home, unlock, enrol, clock), guard).test_client())
    visitor.get(f"/enter/{guard.mint()}")
    return Fresh(visitor, home, hub, opened)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fresh]:
    fresh = a_fresh_program(tmp_path / "home", PASSPHRASE, monkeypatch)
    yield fresh
    for station in fresh.opened:
        station.close()


def test_a_fresh_folder_leads_to_the_set_up_page(fresh: Fresh) -> None:
    assert fresh.visitor.get("/").headers["Location"].startswith("/unlock")
    assert fresh.visitor.get("/unlock").headers["Location"] == "/setup"
    page = fresh.visitor.get("/setup")
    assert "首次设置" in page.text
    assert "需要用至少 10 个字符的口令代替 PIN" in page.text


def test_with_a_key_store_a_pin_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = a_fresh_program(tmp_path / "home", KEYSTORE, monkeypatch)
    page = fresh.visitor.get("/setup")
    assert "PIN（至少 6 位数字）" in page.text
    assert 'inputmode="numeric"' in page.text
    answer = token_post(fresh, fresh.type(secret="836194", again="836194"))
    assert answer == "/"


def token_post(fresh: Fresh, data: dict[str, str]) -> str:
    """Send the set-up page; where it leads, or the page's text where it stays."""
    page = fresh.visitor.get("/setup")
    token = page.text.split('name="csrf-token" content="')[1].split('"')[0]
    answer = fresh.visitor.client.post(
        "/setup",
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"Origin": f"http://127.0.0.1:{PORT}"},
        data={**data, "csrf_token": token},
    )
    return answer.headers.get("Location", answer.text)


def test_nothing_is_set_up_beside_what_is_left_of_an_erased_station(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start would remove both. Windows removes no file that is open, as the log is."""
    (fresh.home.logs / "station.log").write_text("exchange failed")
    fresh.home.begin_erasing()
    with monkeypatch.context() as patch:
        patch.setattr("station_client.home._is_removed", lambda path: False)
        assert "还没有清除完" in token_post(fresh, fresh.type())
    assert not fresh.home.vault.exists()
    assert token_post(fresh, fresh.type()) == "/"
    Home.open(fresh.home.folder)
    assert fresh.home.vault.exists()


def test_the_first_clerk_stands_before_an_open_ledger(fresh: Fresh) -> None:
    assert token_post(fresh, fresh.type()) == "/"
    page = fresh.visitor.get("/")
    assert "示例镇便民服务站" in page.text
    assert "李娟" in page.text
    assert fresh.visitor.get("/setup").headers["Location"] == "/unlock"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"again": "另一个口令另一个口令"}, "两次输入的不一样"),
        ({"secret": "短", "again": "短"}, "请设置至少 10 个字符的口令"),
        ({"code": "XXXX-YYYY"}, "启用码"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_stays(
    fresh: Fresh, changes: dict[str, str], words: str
) -> None:
    page = token_post(fresh, fresh.type(**changes))
    assert words in page
    assert 'value="李娟"' in page
    assert "太行山上" not in page
    assert not fresh.home.vault.exists()


def test_a_blank_name_is_told_and_the_code_still_works(fresh: Fresh) -> None:
    sent = fresh.type()
    assert "姓名应为 1 至 100 个字" in token_post(fresh, {**sent, "name": "  "})
    assert token_post(fresh, sent) == "/"


def test_a_hub_that_is_down_can_be_asked_again(fresh: Fresh) -> None:
    fresh.hub.fail.append("transport.down")
    sent = fresh.type()
    page = token_post(fresh, sent)
    assert "没有得到县级平台的应答（transport.down）" in page
    assert "可以继续登记" not in page
    assert token_post(fresh, sent) == "/"


def test_a_set_up_that_was_cut_goes_on_after_a_new_start(fresh: Fresh) -> None:
    """The reply was lost: the vault is made, the certificate is not here."""
    fresh.hub.lose_reply = True
    sent = fresh.type()
    page = token_post(fresh, sent)
    assert "transport.cut_short" in page
    assert "上一次设置没有完成：请输入那一次设置的口令" in page
    assert fresh.home.vault.exists()
    answer = fresh.visitor.post("/unlock", {"secret": sent["secret"]})
    assert answer.headers["Location"] == "/setup"
    assert token_post(fresh, sent) == "/"


def test_a_folder_that_lost_its_vault_is_not_set_up_anew(fresh: Fresh) -> None:
    fresh.home.database.write_bytes(b"data")
    for path in ("/unlock", "/setup"):
        page = fresh.visitor.get(path)
        page = fresh.visitor.get("/unlock") if page.status_code == 302 else page
        assert "缺少密钥文件" in page.text
        assert "启用码" not in page.text
    assert not fresh.home.vault.exists()
