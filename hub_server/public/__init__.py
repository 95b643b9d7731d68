"""Pages for everyone: what this is, applying to open a station, asking how that stands."""

from __future__ import annotations

import functools

from flask import Flask

from hub_server.hub import Hub
from hub_server.pages.routes import Guard, Rate, Route, View, add_pages
from hub_server.public import views

_SENDING = (Rate("5 per minute"), Rate("30 per day"))
# By address alone: a limit by number would let anybody lock an applicant out, and a check code has
# too many possibilities to be found by trying.
_ASKING = (Rate("10 per minute"), Rate("60 per hour"))

ROUTES = [
    Route("/", views.front),
    Route("/apply", views.apply, ("GET", "POST"), rates=_SENDING),
    Route("/apply/sent", views.sent),
    Route("/progress", views.progress, ("GET", "POST"), rates=_ASKING),
    Route("/progress/correct", views.correct, ("POST",), rates=_ASKING),
]


def register(app: Flask, hub: Hub) -> None:
    """Adds the public pages to an application that `pages.safety.prepare` has made ready."""
    add_pages(app, "public", __name__, ROUTES, _for_everyone(hub))


def _for_everyone(hub: Hub) -> Guard:
    def bind(route: Route) -> View:
        return functools.partial(route.view, hub)

    return bind
