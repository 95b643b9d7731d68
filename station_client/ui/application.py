"""Puts the pages together: routes, the guard, what every template may use, and the error pages."""

import logging
from http import HTTPStatus

from flask import Flask, Response, render_template, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFError, generate_csrf
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from station_client import reopen
from station_client.errors import StationError
from station_client.services import china_time
from station_client.services.read_status import read_status
from station_client.ui.desk import Desk
from station_client.ui.entry_form import blank_line
from station_client.ui.guard import Guard, enter_page, is_admitted, reopen_page
from station_client.ui.lamp import lamp_for
from station_client.ui.pages import drafts
from station_client.ui.routes import add_routes, place

MENU = (
    ("ledger", "工作台账", ""),
    ("new_helper", "新建帮办", "F2"),
    ("new_proxy", "新建代办", "F3"),
    ("new_intake", "收件登记", "F7"),
    ("inbox", "待处理", ""),
    ("applications", "变更注销", ""),
    ("files", "导入导出", ""),
    ("clerks", "人员", ""),
    ("status", "同步", "F9"),
)
"""Endpoint, label and key of the main menu."""
NEW = frozenset({"new_helper", "new_proxy", "new_intake"})
"""What a sealed desk does not offer."""
PLACEHOLDERS = {
    "date": "2024-03-01 或 0301",
    "time": "09:05 或 905",
    "datetime": "2024-03-01 09:05",
    "limit": "即办 或 工作日数",
}
STATUS_WORDS = {
    400: ("请求无效", "页面可能已经过期。请返回上一页重新打开后再试。"),
    401: (
        "请从程序图标打开",
        "这个页面只对启动本程序的浏览器开放。请关闭本页，从桌面图标启动程序。",
    ),
    403: ("不接受这个请求", "请求不是从本程序的页面发出的。请关闭本页，从桌面图标启动程序。"),
    404: ("没有这个页面", "请从菜单重新进入。"),
    405: ("没有这个页面", "请从菜单重新进入。"),
    413: ("文件太大", "请把文件分成几份，每份不超过 32 MB，再分别导入。"),
    500: (
        "程序出错",
        "已保存的内容不受影响。请返回台账重试；仍然出错时联系县级运维人员，并告知下面的代码。",
    ),
}
"""HTTP status → title and what to do next."""
EXPIRED = (
    "页面已经过期",
    "另一个页面里锁定或解锁过，这一次没有保存。已填写的内容还在，请点“继续”，核对后再做一次。",
)

log = logging.getLogger(__name__)


def start_url(port: int, token: str) -> str:
    """What the program opens in the browser; the token works once."""
    return f"http://127.0.0.1:{port}/enter/{token}"


def create_app(desk: Desk, guard: Guard) -> Flask:
    """The pages of one desk, as a WSGI application."""
    app = Flask(__name__)
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard.protect(app)
    Bootstrap5(app)
    app.add_url_rule("/enter/<token>", "enter", lambda token: enter_page(guard, desk.lock, token))
    app.add_url_rule(reopen.PATH, "reopen", lambda: reopen_page(guard), methods=["POST"])
    add_routes(app, desk, guard)
    app.context_processor(lambda: _shared(desk))
    app.register_error_handler(CSRFError, lambda error: _show_expired(desk))
    app.register_error_handler(HTTPException, _show_http_error)
    app.register_error_handler(StationError, _show_station_error)
    app.register_error_handler(Exception, _show_failure)
    return app


def _shared(desk: Desk) -> dict[str, object]:
    """What every template may use."""
    admitted = is_admitted()
    station = desk.station if admitted else None
    status = read_status(station) if station else None
    return {
        "MENU": [each for each in MENU if not (station and station.is_sealed and each[0] in NEW)],
        "PLACEHOLDERS": PLACEHOLDERS,
        "blank_line": lambda field: blank_line(field, china_time.iso(desk.now_ms())),
        "clock": _clock,
        "csrf_input": _csrf_input,
        # Without this, a page of refusal would make a session, and its cookie would take the place
        # of the clerk's: any site could then throw the clerk out by a link.
        "is_admitted": admitted,
        "is_open": station is not None,
        "is_closed": station is not None and station.is_closed,
        "is_sealed": station is not None and station.is_sealed,
        "menu": request.endpoint,
        "station_name": station.name if station else "",
        "clerk_name": desk.clerk_name if station else "",
        "lamp": lamp_for(status) if status else None,
        "notice": status.notice if status else "",
    }


def _clock(ms: int) -> str:
    """A moment as lists show it: 2024-03-01 09:05, in China's time."""
    return f"{china_time.moment(ms):%Y-%m-%d %H:%M}"


def _csrf_input() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def _show_http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or int(HTTPStatus.INTERNAL_SERVER_ERROR)
    title, words = STATUS_WORDS.get(status, STATUS_WORDS[400])
    return _problem_page(status, title, words, f"http.{status}")


def _show_expired(desk: Desk) -> Response:
    """A page from before a lock or unlock in another tab: what was typed in it is kept."""
    drafts.keep_posted(desk)
    going_on = drafts.own_path(request.form.get("next") or place())
    return _problem_page(HTTPStatus.BAD_REQUEST, *EXPIRED, "csrf", going_on)


def _show_station_error(error: StationError) -> Response:
    log.warning("a page ended with %s", error.code)
    return _problem_page(HTTPStatus.CONFLICT, "没有完成", error.words(), error.code)


def _show_failure(error: Exception) -> Response:
    """No trace and no text of the error: it might quote what a citizen wrote."""
    log.error("a page failed: %s at %s", type(error).__name__, _place(error))
    title, words = STATUS_WORDS[500]
    return _problem_page(500, title, words, f"ui.{type(error).__name__}")


def _place(error: BaseException) -> str:
    """File and line of the failure."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"


def _problem_page(status: int, title: str, words: str, code: str, going_on: str = "") -> Response:
    page = render_template("problem.html", title=title, words=words, code=code, going_on=going_on)
    return Response(page, status)
