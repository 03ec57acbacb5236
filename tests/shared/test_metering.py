import pytest

from shared import metering
from shared.metering import InvalidMeteringPointId, Quality, Resolution


@pytest.mark.parametrize(
    "text",
    # Real and made-up GSRNs of three countries; the check digits were made by their issuers.
    ["707057500039947698", "571313155411053087", "640102010000532598", "707057500000010017"],
)
def test_a_gsrn_with_its_check_digit_is_a_metering_point_id(text: str) -> None:
    assert metering.parse_metering_point_id(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("707057500039947697", "the check digit should be 8"),
        ("70705750003994769", "exactly 18 digits"),
        ("7070575000399476980", "exactly 18 digits"),
        ("70705750003994769x", "exactly 18 digits"),
        (" 707057500039947698", "exactly 18 digits"),
        ("٧٠٧٠٥٧٥٠٠٠٣٩٩٤٧٦٩٨", "exactly 18 digits"),
        ("", "exactly 18 digits"),
    ],
)
def test_anything_else_is_refused_with_the_rule_that_it_breaks(text: str, reason: str) -> None:
    with pytest.raises(InvalidMeteringPointId, match=reason):
        metering.parse_metering_point_id(text)


def test_any_single_wrong_digit_is_found() -> None:
    right = "707057500039947698"
    wrong = [
        right[:place] + digit + right[place + 1 :]
        for place in range(18)
        for digit in "0123456789"
        if digit != right[place]
    ]

    for text in wrong:
        with pytest.raises(InvalidMeteringPointId):
            metering.parse_metering_point_id(text)


def test_market_days_are_stored_in_quarters_and_hours() -> None:
    assert [each for each in Resolution if each.is_stored] == [Resolution.PT15M, Resolution.PT1H]


def test_each_quality_has_a_letter_of_its_own() -> None:
    assert "".join(each.letter for each in Quality) == "MEFTCX"
    assert all(metering.QUALITY_OF_LETTER[each.letter] is each for each in Quality)


def test_a_guid_in_lower_case_names_somebody() -> None:
    assert metering.is_guid("0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000-0000-0000-0000-000000000000",
        "0B6F1A52-8F5E-4C7E-9F7A-3F3C1D1E2A4B",
        "{0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b}",
        "0b6f1a528f5e4c7e9f7a3f3c1d1e2a4b",
        "0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b\n",
    ],
)
def test_anything_else_names_nobody(text: str) -> None:
    assert not metering.is_guid(text)
