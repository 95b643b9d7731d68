"""An existing ledger comes in with a report on every row; the ledger goes out as a spreadsheet."""

import io
import tempfile
from functools import partial
from http import HTTPStatus
from pathlib import Path

from flask import (
    Response,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue

from station_client.services import china_time
from station_client.services.export_ledger import export_ledger
from station_client.services.import_ledger import ImportReport, import_ledger
from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.import_job import Progress
from station_client.ui.typed import read_days

MOST_SHOWN = 200
"""Rows set aside that the page lists; the repair file has all."""
EXPORTS = {"xlsx", "csv"}


def show(desk: Desk, station: Station) -> str:
    today = china_time.day(station.now_ms())
    return _page(desk, today.replace(day=1).isoformat(), today.isoformat())


def _page(desk: Desk, since: str, until: str, problem: str = "") -> str:
    return render_template(
        "files.html",
        job=desk.imports,
        most_shown=MOST_SHOWN,
        since=since,
        until=until,
        problem=problem,
    )


def start_import(desk: Desk, station: Station) -> ResponseReturnValue:
    upload = request.files.get("file")
    name = Path((upload.filename or "").replace("\\", "/")).name if upload else ""
    if not upload or not name:
        flash("请先选择要导入的文件。", "danger")
    elif not desk.imports.start(name, upload.save, partial(_import, desk, station)):
        flash("上一个文件还在导入，请等它结束后再导入下一个。", "warning")
    return redirect(url_for("files"))


def _import(desk: Desk, station: Station, path: Path, follow: Progress) -> ImportReport:
    report = import_ledger(station, path, follow)
    desk.sync_soon()
    return report


def progress(desk: Desk, station: Station) -> Response:
    """How far the import is, asked by the page's timer."""
    job = desk.imports
    return jsonify({"done": job.done, "total": job.total, "finished": not job.is_running})


def repair_file(desk: Desk, station: Station) -> Response:
    report = desk.imports.report
    if report is None or report.repair_file is None:
        abort(HTTPStatus.NOT_FOUND)
    return send_file(
        io.BytesIO(desk.imports.repair),
        mimetype="text/csv",
        as_attachment=True,
        download_name=report.repair_file.name,
    )


def export(desk: Desk, station: Station) -> ResponseReturnValue:
    """The ledger of a range of days as .xlsx or .csv; the file is made for this answer only.

    A blank means no limit. What is no day is none: nobody wanted the whole ledger by a slip.
    """
    today = china_time.day(station.now_ms())
    first, last = (request.form.get(name, "").strip()[:20] for name in ("since", "until"))
    days = read_days(first, last, today)
    if days.unread:
        words = f"“{days.unread}”不是日期，没有导出。请写成 2024-03-01 或 0301。"
        return _page(desk, first, last, words)
    suffix = request.form.get("type", "")
    if suffix not in EXPORTS:
        abort(HTTPStatus.BAD_REQUEST)
    with tempfile.TemporaryDirectory(prefix="bianmin-export-") as folder:
        path = Path(folder) / f"工作台账-{days.since or '全部'}-{days.until or today}.{suffix}"
        export_ledger(station, path, days.since, days.until, masked="masked" in request.form)
        content = path.read_bytes()
    return send_file(io.BytesIO(content), as_attachment=True, download_name=path.name)
