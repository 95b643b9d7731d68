"""One-time codes: bound to one PC, forgiving a lost reply, expiring, told apart when refused."""

import pytest

from hub_server.errors import HubError
from hub_server.services.enrol_station import FAILURES_ALLOWED, enrol_station, hub_card
from hub_server.services.issue_code import issue_code
from sync_protocol import crypto, enrol, envelope
from sync_protocol.errors import PeerFault


def refused_code(act) -> str:
    with pytest.raises(HubError) as refused:
        act()
    return refused.value.code


def test_the_same_pc_asking_again_gets_the_same_grant(county, keys):
    code, mine = county.open_station().code, keys()
    first, again = county.enrol(code, mine), county.enrol(code, mine)
    assert first.certificate == again.certificate
    assert len(county.hub.store.stations.replicas_of(first.certificate.station_code)) == 1


def test_another_pc_cannot_use_a_code_that_is_used(county):
    code = county.open_station().code
    county.enrol(code)
    assert refused_code(lambda: county.enrol(code)) == "enrol.code_used"


def test_a_code_expires_after_a_week(county):
    code = county.open_station().code
    county.clock.forward(days=7.01)
    assert refused_code(lambda: county.enrol(code)) == "enrol.code_expired"


def test_a_used_code_still_answers_its_own_pc_after_a_week(county, keys):
    code, mine = county.open_station().code, keys()
    county.enrol(code, mine)
    county.clock.forward(days=30)
    assert county.enrol(code, mine).certificate.device_number == 1


def test_a_code_that_was_never_issued_is_unknown(county):
    text = enrol.new_code(bytes(10), county.hub.keys.public).text()
    assert refused_code(lambda: county.enrol(text)) == "enrol.code_unknown"


def test_guessing_a_proof_voids_the_code(county, keys):
    text = county.open_station().code
    code, hub = enrol.read_code(text), county.hub.keys.public
    for _ in range(FAILURES_ALLOWED):
        call = enrol.ask(code, hub, keys(), "x")
        sent = enrol.read_ask(call.data, county.hub.keys, 10**6)
        request = enrol.EnrolRequest(1, code.id, sent.request.keys, "x", bytes(32))
        forged = _sealed(request, hub, call, keys())
        assert refused_code(lambda data=forged: enrol_station(county.hub, data)) == "enrol.proof"
    assert refused_code(lambda: county.enrol(text)) == "enrol.code_unknown"


def _sealed(request, hub, call, own):
    request = enrol.EnrolRequest(1, request.code_id, own.public, "x", request.proof)
    return envelope.wrap(
        envelope.pack(request),
        envelope.Kind.ENROL_REQUEST,
        sender=own.replica,
        signing=own.signing,
        receiver=hub.id,
        sealing_public=hub.sealing,
    )


def test_a_pc_is_not_enrolled_twice_with_two_codes(county, keys):
    decided, mine = county.open_station(), keys()
    county.enrol(decided.code, mine)
    second = issue_code(county.hub, county.reviewer, decided.station_code)
    assert refused_code(lambda: county.enrol(second, mine)) == "enrol.replica_known"


def test_a_code_of_an_unknown_station_is_not_issued(county):
    act = lambda: issue_code(county.hub, county.reviewer, "140581999")  # noqa: E731
    assert refused_code(act) == "station.unknown"


def test_only_what_proves_a_code_is_stored(county):
    text = county.open_station().code
    with county.hub.store.writing():
        rows = list(county.hub.store.stations._codes.select())
    assert text.replace("-", "") not in repr(rows)


def test_keys_that_nothing_can_be_sealed_to_do_not_use_a_code_up(county, keys):
    text = county.open_station().code
    code = enrol.read_code(text)
    hub = enrol.read_hub_card(hub_card(county.hub), code).keys
    weak = keys()
    public = enrol.ReplicaPublic(weak.replica, crypto.signing_public(weak.signing), bytes(32))
    parts = (public.replica, public.signing, public.sealing, hub.id)
    proof = crypto.keyed_proof(code.key, b"bianmin/enrol-request", *parts)
    data = envelope.wrap(
        envelope.pack(enrol.EnrolRequest(enrol.VERSION_HIGHEST, code.id, public, "", proof)),
        envelope.Kind.ENROL_REQUEST,
        sender=weak.replica,
        signing=weak.signing,
        receiver=hub.id,
        sealing_public=hub.sealing,
    )
    with pytest.raises(PeerFault) as refused:
        enrol_station(county.hub, data)
    assert refused.value.code == "message.form"
    assert county.enrol(text).certificate.device_number == 1


def test_an_operator_issues_no_code_for_the_pc_would_read_the_ledger(county):
    station_code = county.open_station().station_code
    act = lambda: issue_code(county.hub, county.operator, station_code)  # noqa: E731
    assert refused_code(act) == "account.not_permitted"
