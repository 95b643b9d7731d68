"""A package's pages as one list of routes, bound to one hub.

A view is a plain function: it takes the hub (and what the guard adds) and gives the page. Nothing
is global, so two hubs can run in one process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import HTTPException

from hub_server.errors import HubError
from hub_server.pages.answers import explain, explain_http
from hub_server.pages.safety import BODY_BYTES, address, protect

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True)
class Rate:
    """How often a form may be sent. ``whose`` names the counter of the current request."""

    limit: str
    whose: Callable[[], str] = address
    failures_only: bool = False


@dataclass(frozen=True)
class Route:
    """One action of one page.

    ``action`` is the permission it needs (hub_server.permissions); empty: none. What needs none is
    open to everyone who is signed in, and with ``is_open`` to everyone. ``body_bytes`` bounds what
    may be sent.
    """

    path: str
    view: View
    methods: tuple[str, ...] = ("GET",)
    action: str = ""
    is_open: bool = False
    rates: tuple[Rate, ...] = ()
    body_bytes: int = BODY_BYTES

    @property
    def name(self) -> str:
        return self.view.__name__


Guard = Callable[[Route], View]


def add_pages(app: Flask, name: str, package: str, routes: Iterable[Route], guard: Guard) -> None:
    """Serve the pages of one package. ``guard`` gives each view what it needs, or turns away."""
    pages = Blueprint(name, package, template_folder="templates")
    routes = tuple(routes)
    bounds = {f"{name}.{route.name}": route.body_bytes for route in routes}
    pages.before_request(lambda: protect(bounds[str(request.endpoint)]))
    pages.register_error_handler(HubError, explain)
    pages.register_error_handler(HTTPException, explain_http)
    (limiter,) = app.extensions["limiter"]
    for route in routes:
        view = _limited(limiter, route, functools.wraps(route.view)(guard(route)))
        pages.add_url_rule(route.path, route.name, view, methods=list(route.methods))
    app.register_blueprint(pages)


def _limited(limiter: Limiter, route: Route, view: View) -> View:
    for rate in route.rates:
        view = limiter.limit(
            rate.limit,
            key_func=rate.whose,
            methods=["POST"],
            deduct_when=_failed if rate.failures_only else None,
        )(view)
    return view


def _failed(response: Response) -> bool:
    return response.status_code >= 400
