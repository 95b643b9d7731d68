"""The bounds fit each other."""

from sync_protocol import limits


def test_a_batch_of_the_default_size_fits_into_a_request() -> None:
    assert limits.BATCH_BYTES_LOWEST < limits.BATCH_BYTES < limits.REQUEST_BYTES
    assert limits.BATCH_BYTES <= limits.BATCH_BYTES_HIGHEST <= limits.UNPACKED_BYTES


def test_the_largest_operation_fits_into_a_request_of_its_own() -> None:
    assert limits.BODY_BYTES + limits.HEADER_BYTES < limits.REQUEST_BYTES


def test_numbers_stay_within_what_every_language_holds_exactly() -> None:
    assert float(limits.INTEGER_HIGHEST) == limits.INTEGER_HIGHEST
    assert float(limits.INTEGER_HIGHEST + 2) != limits.INTEGER_HIGHEST + 2
