"""Pages of the county: applications, stations, the ledger, watching, accounts. Never personal data
for operators; nothing of another region for anybody."""

from __future__ import annotations

from flask import Flask

from hub_server.admin import (
    accounts,
    applications,
    cases,
    courier,
    ledger,
    signing_in,
    stations,
    undecided,
    watch,
)
from hub_server.hub import Hub
from hub_server.pages.routes import Rate, Route, add_pages

_GET_POST = ("GET", "POST")
_SIGNING_IN = (
    Rate("20 per minute", failures_only=True),
    Rate("5 per 15 minutes", whose=signing_in.named_account, failures_only=True),
)

ROUTES = [
    Route("/login", signing_in.login, _GET_POST, is_open=True, rates=_SIGNING_IN),
    Route("/logout", signing_in.logout, ("POST",)),
    Route("/county", signing_in.home),
    # applications
    Route("/county/applications", applications.inbox, action="application.list"),
    Route("/county/applications/<id:record>", applications.application, action="application.list"),
    Route(
        "/county/applications/<id:record>/agreement",
        applications.keep_agreement,
        ("POST",),
        action="agreement.record",
    ),
    Route(
        "/county/applications/<id:record>/decide",
        applications.decide,
        ("POST",),
        action="application.decide",
    ),
    # stations
    Route("/county/stations", stations.stations, action="station.list"),
    Route("/county/stations/<code>", stations.station, action="station.list"),
    Route("/county/stations/<code>/code", stations.issue, ("POST",), action="code.issue"),
    Route("/county/stations/<code>/slip", stations.slip, action="code.issue"),
    # ledger and cases
    Route("/county/ledger", ledger.ledger, action="ledger.read"),
    Route("/county/ledger/search", ledger.search, ("POST",), action="ledger.read"),
    Route("/county/ledger/export", ledger.export_lines, action="ledger.read"),
    Route("/county/cases/<id:record>", cases.case, action="ledger.read"),
    Route("/county/cases/<id:record>/reveal", cases.reveal_case, ("POST",), action="record.reveal"),
    Route("/county/cases/<id:record>/review", cases.review, ("POST",), action="case.review"),
    # held and refused
    Route("/county/undecided", undecided.undecided, action="undecided.list"),
    Route("/county/undecided", undecided.decide_undecided, ("POST",), action="undecided.decide"),
    Route("/county/undecided/<id:record>", undecided.undecided_record, action="ledger.read"),
    Route(
        "/county/undecided/<id:record>/reveal",
        undecided.reveal_undecided,
        ("POST",),
        action="record.reveal",
    ),
    # courier files
    Route("/county/courier", courier.courier, action="courier.answer"),
    Route(
        "/county/courier",
        courier.read_courier,
        ("POST",),
        action="courier.answer",
        body_bytes=courier.BODY_BYTES,
    ),
    Route("/county/courier/reply", courier.reply, action="courier.answer"),
    # watching and running
    Route("/county/watch", watch.watch, action="station.watch"),
    Route("/county/accounts", accounts.accounts, _GET_POST, action="account.manage"),
    Route(
        "/county/accounts/<id:account_id>/disable",
        accounts.disable,
        ("POST",),
        action="account.manage",
    ),
    Route("/county/audit", accounts.audit, action="audit.read"),
]


def register(app: Flask, hub: Hub) -> None:
    """Adds the county's pages to an application that `pages.safety.prepare` has made ready."""
    add_pages(app, "admin", __name__, ROUTES, signing_in.guard(app, hub))
