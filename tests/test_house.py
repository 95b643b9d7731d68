"""The rules of the house that neither ruff nor import-linter can express, as tests.

Each rule is a function from a file's text to what it breaks, and is itself shown to fail.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("forms", "hub_server", "station_client", "sync_protocol")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))

# What the two cores may import besides the standard library and themselves.
CORE_LIBRARIES = {
    "forms": {"msgspec", "stdnum"},
    "sync_protocol": {"msgspec", "zstandard", "cryptography"},
}

# The outside world: a core is given bytes, values and the time; it never fetches them.
WORLD = {
    "asyncio", "ctypes", "ftplib", "glob", "http", "logging", "multiprocessing", "os", "platform",
    "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip
WORLD_METHODS = {"now", "utcnow", "today", "uuid1", "uuid4"}
WORLD_FUNCTIONS = {"open", "print", "input", "uuid1", "uuid4"}

# Library → the only places that import it (patterns of paths from the root).
ONLY_IN = {
    "peewee": {"station_client/store/*", "hub_server/store/*"},
    "playhouse": {"station_client/store/*", "hub_server/store/*"},
    "sqlcipher3": {"station_client/store/*", "hub_server/store/*"},
    "sqlite3": set[str](),
    "requests": {"station_client/transport.py"},
    "apscheduler": {"station_client/scheduler.py", "hub_server/scheduler.py"},
    "keyring": {"station_client/device_secret.py"},
    "cryptography": {
        "sync_protocol/crypto.py",
        "station_client/key_slot.py",
        "hub_server/keys.py",
        "hub_server/accounts.py",
        "hub_server/verify.py",
    },
}
WEB = {
    "flask",
    "flask_bootstrap",
    "flask_limiter",
    "flask_login",
    "flask_wtf",
    "werkzeug",
    "wtforms",
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that the code names in an import, with its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def foreign_imports(place: str, code: str) -> list[str]:
    """Imports that the core at `place` may not have."""
    core = place.partition("/")[0]
    allowed = (sys.stdlib_module_names - WORLD) | CORE_LIBRARIES[core] | {core}
    return sorted({m for m in imported(ast.parse(code)) if m.partition(".")[0] not in allowed})


def calls_of_the_world(code: str) -> list[str]:
    """Calls by which code would read the clock, the chance, the disk or the keyboard."""
    found = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in WORLD_METHODS:
                found.append(f"{name}() in line {node.lineno}")
            case ast.Call(func=ast.Name(id=name)) if name in WORLD_FUNCTIONS:
                found.append(f"{name}() in line {node.lineno}")
    return found


def misplaced_libraries(place: str, code: str) -> list[str]:
    """Imports of a library that has one home, outside that home; web code in services and store."""
    tops = {module.partition(".")[0] for module in imported(ast.parse(code))}
    found = {
        library
        for library, homes in ONLY_IN.items()
        if library in tops and not any(fnmatch(place, home) for home in homes)
    }
    if fnmatch(place, "*/services/*") or fnmatch(place, "*/store/*"):
        found |= tops & WEB
    return sorted(found)


def unfinished(code: str) -> list[str]:
    """Marks of a stub: an unimplemented function, an error that is swallowed whole."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            found.append(f"NotImplementedError in line {node.lineno}")
        if isinstance(node, ast.ExceptHandler) and swallows_all(node):
            found.append(f"a swallowed error in line {node.lineno}")
    return found


def swallows_all(handler: ast.ExceptHandler) -> bool:
    catches_all = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )
    return catches_all and all(isinstance(step, ast.Pass) for step in handler.body)


def places(files: Iterable[Path], broken: Callable[[str, str], list[str]]) -> dict[str, list[str]]:
    """Path → what is broken there, for the files that break something."""
    texts = {relative(path): path.read_text(encoding="utf-8") for path in files}
    return {place: found for place, code in texts.items() if (found := broken(place, code))}


def cores() -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] in CORE_LIBRARIES]


def test_the_cores_import_nobody() -> None:
    assert places(cores(), foreign_imports) == {}


def test_the_cores_do_not_touch_the_world() -> None:
    assert places(cores(), lambda _, code: calls_of_the_world(code)) == {}


def test_every_library_stays_in_its_place() -> None:
    assert places(SOURCES, misplaced_libraries) == {}


def test_nothing_is_left_unfinished() -> None:
    assert places(SOURCES, lambda _, code: unfinished(code)) == {}


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (lambda code: foreign_imports("forms/a.py", code), "import requests"),
        (lambda code: foreign_imports("forms/a.py", code), "import sync_protocol.errors"),
        (lambda code: foreign_imports("sync_protocol/a.py", code), "from os import path"),
        (lambda code: foreign_imports("sync_protocol/a.py", code), "def f():\n    import time"),
        (calls_of_the_world, "datetime.datetime.now()"),
        (calls_of_the_world, "open('x')"),
        (lambda code: misplaced_libraries("station_client/ui/a.py", code), "import peewee"),
        (lambda code: misplaced_libraries("hub_server/services/a.py", code), "from flask import g"),
        (lambda code: misplaced_libraries("sync_protocol/chain.py", code), "import cryptography"),
        (unfinished, "raise NotImplementedError"),
        (unfinished, "try:\n    f()\nexcept Exception:\n    pass"),
    ],
)
def test_each_rule_notices_a_breach(rule: Callable[[str], list[str]], code: str) -> None:
    assert rule(code) != []


def test_packaging_is_no_package() -> None:
    """It would shadow the library of that name, which pip, pytest and PyInstaller import."""
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_tests_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_under_test_is_the_one_in_this_repository(name: str) -> None:
    assert Path(import_module(name).__file__ or "").parent == ROOT / name


def test_no_module_has_a_name_that_says_nothing() -> None:
    scripts = [*SOURCES, *(ROOT / "packaging").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    parts = {part for path in scripts for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & NAMES_THAT_SAY_NOTHING == set()


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    foreign = re.compile(
        "|".join(["pypi" + r"\.org", "python" + "hosted", "/root" + "/", "/home" + "/"])
    )
    kinds = {".py", ".toml", ".lock", ".md", ".html", ".js", ".css", ".spec", ".json", ".sh", ""}
    mine = [path for path in committed() if path.suffix in kinds]
    assert len(mine) > 10
    assert [relative(path) for path in mine if foreign.search(path.read_text("utf-8"))] == []


def committed() -> list[Path]:
    """The files of the project: all but what is made (and hidden) at the top level."""
    made = {"build", "dist"}
    tops = [p for p in ROOT.iterdir() if p.name not in made and not p.name.startswith(".")]
    tops += [ROOT / ".ci", ROOT / ".gitignore"]
    files = [file for top in tops for file in (top.rglob("*") if top.is_dir() else [top])]
    return [file for file in files if file.is_file() and "__pycache__" not in file.parts]


def test_the_lock_is_whole_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.findall(
        r"^[a-z0-9][^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", lock, re.M
    )
    assert "".join(entries) == lock
    locked = {entry.partition("==")[0] for entry in entries}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    assert {re.split(r"[<>=]", line)[0] for line in wanted} - locked == set()


def test_a_missing_program_skips_with_its_name_and_fails_under_ci(
    needs: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        needs("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        needs("no-such-program")
