"""One long import, run beside the pages so that they can show how far it is. Knows no Flask."""

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from station_client.errors import StationError
from station_client.services.import_ledger import ImportReport

Progress = Callable[[int, int], None]
FAILED = (
    "导入时程序出错。已导入的行都在，重新导入同一个文件会从那里继续；仍然出错时联系县级运维人员。"
)

log = logging.getLogger(__name__)


@dataclass
class ImportJob:
    """What the import page shows: lines done of how many, then a report or why it stopped.

    `repair` is the content of the repair file: on the disk it lay beside the uploaded copy, which
    is gone when the import ends.
    """

    file_name: str = ""
    done: int = 0
    total: int = 0
    is_running: bool = False
    report: ImportReport | None = None
    repair: bytes = field(default=b"", repr=False)
    problem: str = ""
    worker: threading.Thread | None = None
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(
        self,
        name: str,
        save_upload: Callable[[Path], None],
        run: Callable[[Path, Progress], ImportReport],
    ) -> bool:
        """Take a file and import it in a thread; False, and nothing done, while another one runs.

        The copy lies in a folder that only this user can read, for as long as the import takes.
        """
        with self._one_at_a_time:
            if self.is_running:
                return False
            self.is_running = True
        self.file_name, self.done, self.total = name, 0, 0
        self.report, self.repair, self.problem = None, b"", ""
        folder = Path(tempfile.mkdtemp(prefix="bianmin-import-"))
        try:
            save_upload(folder / name)
        except BaseException:
            self._end(folder)
            raise
        self.worker = threading.Thread(target=self._run, args=(folder, run), name="import")
        self.worker.start()
        return True

    def _run(self, folder: Path, run: Callable[[Path, Progress], ImportReport]) -> None:
        try:
            self.report = run(folder / self.file_name, self._follow)
            self.repair = self.report.repair_file.read_bytes() if self.report.repair_file else b""
        except StationError as error:
            facts = {**error.facts, "file": self.file_name}  # not where the copy lay
            self.problem = StationError(error.code, **facts).words()
        except Exception as error:  # noqa: BLE001 - the end of a thread: nobody else would tell
            log.error("an import failed: %s", type(error).__name__)
            self.problem = FAILED
        finally:
            self._end(folder)

    def _end(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.is_running = False

    def _follow(self, done: int, total: int) -> None:
        self.done, self.total = done, total
