"""The station's pages on loopback: read a request, ask one service, give a page.

Knows Flask, the forms and the services; no SQL, no network, no key. `app.py` makes the `Desk` and
the `Guard`, serves what `create_app` gives, and opens a browser at `start_url`.
"""

from station_client.ui.application import create_app, start_url
from station_client.ui.desk import Desk, Enrolment
from station_client.ui.guard import Guard

__all__ = ["Desk", "Enrolment", "Guard", "create_app", "start_url"]
