"""What the county publishes to a desk: the station's card, and what an item says of entrustment."""

from hub_server.services.decide_application import Terms
from hub_server.services.publish_catalogue import publish_catalogue


def test_the_card_keeps_the_host_and_the_functions_that_were_ticked(county):
    record = county.application(host_type="park")
    county.agree(record)
    decided = county.decide(record, terms=Terms(functions=["help", "notice"]))
    desk = county.enrol(decided.code)
    desk.synchronise()
    station = county.hub.store.stations.get(decided.station_code)
    card = desk.values(station.card, "station_card")
    assert (card["host_type"], card["functions"]) == ("park", ["help", "notice"])


def test_whether_an_item_may_be_entrusted_reaches_the_desk(county):
    desk = county.desk()
    rows = [
        {"责任部门": "人社局", "事项名称": f"事项{said}", "实施编码": said, "可委托代办": said}
        for said in ("是", "否")
    ]
    publish_catalogue(county.hub, county.reviewer, rows)
    desk.synchronise()
    items = [desk.values(record, "catalogue_item") for record in desk.acts]
    told = {item["item_code"]: item["proxy_allowed"] for item in items if "item_code" in item}
    assert told == {"是": True, "否": False}
