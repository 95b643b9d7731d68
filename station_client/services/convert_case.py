"""Go on with a helper case as a proxy case (SX 6.3.3.2.4): both are written, or neither.

Knows no page.
"""

from collections.abc import Mapping
from typing import Any

from station_client.services import china_time
from station_client.services.amend_entry import amend_entry
from station_client.services.record_entry import record_entry
from station_client.services.show_case import show_case
from station_client.station import Station


def convert_case(station: Station, helper: bytes, values: Mapping[str, Any]) -> bytes:
    """Record the proxy case (`values` as in `record_entry`), and in the helper case where it went.

    Gives the proxy case's id. Errors: those of `record_entry` and `amend_entry`.
    """
    with station.store.writing():
        proxy = record_entry(station, "proxy_case", values)
        note = {
            "converted_to_proxy": True,
            "converted_at": china_time.iso(station.now_ms()),
            "proxy_no": show_case(station, proxy).values["case_no"],
        }
        amend_entry(station, helper, note)
    return proxy
