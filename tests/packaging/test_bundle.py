"""The bundle is built and used on its own: an empty home, a running hub, a case, an exchange."""

import json
import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bundle
import commands
import county
import pytest
import requests

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Bundled:
    """The bundled program on a machine that has nothing of ours: an empty HOME, no Python path."""

    program: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def command(self, *arguments: object) -> list[str]:
        folder = self.home / "station"
        return [str(self.program), *map(str, arguments), "--home", str(folder)]

    def run(self, *arguments: object, given: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            input=given,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def serving(bundled: Bundled) -> Iterator[str]:
    """The pages' address while they run; in the end Ctrl-C must stop them cleanly."""
    command = bundled.command("serve", "--no-browser")
    with subprocess.Popen(
        command, env=bundled.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory, needs: Callable[[str], str]) -> Bundled:
    needs("objdump")
    needs(str(sysconfig.get_config_var("INSTSONAME")))  # Python itself, for the bundle to hold
    program = bundle.build(tmp_path_factory.mktemp("dist"))
    return Bundled(program, tmp_path_factory.mktemp("empty-home"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[commands.Hub]:
    folder = tmp_path_factory.mktemp("county")
    hub = commands.Hub(folder / "hub", commands.free_port(8470))
    names = (county.ADMIN, county.REVIEWER, county.OPERATOR)
    county.found(hub, dict.fromkeys(names, "a sample password"), county.CATALOGUE)
    hub.start(folder / "hub.log")
    yield hub
    hub.stop()


def test_the_bundle_enrols_records_a_case_and_syncs_with_a_running_hub(
    bundled: Bundled, hub: commands.Hub, tmp_path: Path
) -> None:
    number = county.apply_to_open(hub, "示例银行", "中心街18号", "13900008600")
    opened = county.approve_opening(hub, number, "协议-1", "示例便民服务站")
    pin = f"{county.PIN}\n"
    enrolment = ("--hub", hub.url, "--code", opened.enrolment_code, "--name", "李娟")
    bundled.run("enrol", *enrolment, "--pin-file", "-", given=pin)
    values = tmp_path / "case.json"
    values.write_text(json.dumps(county.HELPER_CASE), encoding="utf-8")
    bundled.run("record", "helper_case", "--json", values, "--pin-file", "-", given=pin)
    outcome = json.loads(bundled.run("sync", "--json", "--pin-file", "-", given=pin))
    assert outcome["synchronised"] is True
    assert outcome["pushed"] == 2  # the first clerk, the case
    export = tmp_path / "export.jsonl"
    hub.run("export", export)
    assert str(county.HELPER_CASE["applicant_name"]) in export.read_text(encoding="utf-8")


def test_the_bundle_shows_its_pages_with_their_style_and_script(bundled: Bundled) -> None:
    with serving(bundled) as address:
        visit = requests.Session()
        page = visit.get(address, timeout=20)
        assert page.ok
        linked = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js))"', page.text)
        assert any("bootstrap" in each for each in linked)
        origin = "/".join(page.url.split("/")[:3])
        for each in linked:
            assert visit.get(origin + each, timeout=20).ok, each


def test_the_bundle_holds_no_hub_no_test_and_no_path_of_the_machine_that_built_it(
    bundled: Bundled,
) -> None:
    folder = bundled.program.parent
    names = {each.name for each in folder.rglob("*")}
    assert not names & {"hub_server", "tests", "pytest", "flask_wtf.dist-info"}
    here = os.fsencode(Path(bundle.__file__).resolve().parents[1])
    texts = [each for each in (folder / "_internal").rglob("*") if each.suffix in (".py", ".toml")]
    assert texts
    assert all(here not in each.read_bytes() for each in texts)
