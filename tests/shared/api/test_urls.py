from shared.api import urls


def test_a_repeated_parameter_keeps_all_its_values_in_order() -> None:
    assert urls.parameters("http://host/v1/consumption?id=2&id=1&x=") == {"id": ["2", "1"], "x": [""]}


def test_escaped_signs_are_read() -> None:
    found = urls.parameters(
        "http://host/v1/x?from=2026-03-29T00%3A00%3A00%2B01:00&to=2026-03-30T00:00:00+02:00"
    )

    assert found == {"from": ["2026-03-29T00:00:00+01:00"], "to": ["2026-03-30T00:00:00 02:00"]}


def test_the_caller_sees_the_path_that_the_gateway_serves() -> None:
    assert urls.public_path("http://app.example/v1/status?format=json") == "/metering/v1/status"
    assert urls.public_path("http://app.example/v1/æ b%20c>") == "/metering/v1/%C3%A6%20b%20c%3E"
