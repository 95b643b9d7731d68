"""`make demo` and `make run`, told as the Makefile tells them: real processes, nothing by hand.

The demo reads the shared ledger where it lies beside the repository, else the project's sample.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import ROOT

LAST_LINE = re.compile(
    r"demo: ok, (\d+) entries, (\d+) operations, (\d+) exchanges, (\d+) bytes, (\d+) conflicts, "
    r"0 differences"
)
STATION = re.compile(r"http://127\.0\.0\.1:\d+/enter/\S+")
HUB = re.compile(r"http://127\.0\.0\.1:\d+/(?=\s)")


def a_story(name: str, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "packaging" / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **more},
    )


@pytest.mark.shared
@pytest.mark.timeout(400)
def test_the_demo_ends_with_the_same_cells_at_the_hub_as_were_typed_and_imported() -> None:
    story = a_story("demo.py")
    told, complaints = story.communicate()
    assert story.returncode == 0, told + complaints
    found = LAST_LINE.fullmatch(told.strip().splitlines()[-1])
    assert found is not None, told
    assert all(int(figure) > 0 for figure in found.groups())


@pytest.mark.timeout(300)
def test_the_sample_county_shows_both_programs_and_leaves_nothing_when_stopped() -> None:
    # A screen is not asked for: a browser would stay behind the test.
    story = a_story("run.py", DISPLAY="", WAYLAND_DISPLAY="")
    assert story.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        line = story.stdout.readline()
        assert line, story.communicate()[1]
        told += line
    hub, station = HUB.search(told), STATION.search(told)
    assert hub is not None
    assert station is not None
    assert "便民服务站" in requests.get(hub.group(), timeout=10).text
    visit = requests.Session()
    assert "PIN" in visit.get(station.group(), timeout=10).text
    folder = Path(re.findall(r"/tmp/bianmin-run-\w+", told)[0])
    assert folder.is_dir()
    story.send_signal(signal.SIGINT)
    story.communicate(timeout=60)
    assert story.returncode == 0
    assert not folder.exists()
