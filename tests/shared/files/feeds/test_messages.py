"""Messages of feeds are read as they were written, and others are refused."""

import pytest

from shared.files.feeds import messages
from shared.files.feeds.messages import RunMessage
from shared.queues import UnknownMessage


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (RunMessage("app:one", "daily", 0), "feed/app:one/daily/0"),
        (RunMessage("app:one", "daily", 7), "feed/app:one/daily/7"),
        (RunMessage("app:one", "daily", 7, 2, 31), "feed/app:one/daily/7/2/31"),
    ],
)
def test_a_message_of_a_run_is_read_as_it_was_written(message: RunMessage, text: str) -> None:
    assert message.text == text
    assert messages.parse_run(text) == message


def test_a_message_to_send_names_a_feed() -> None:
    assert messages.parse_sending(messages.sending_text("app:one", "daily")) == ("app:one", "daily")


@pytest.mark.parametrize("text", ["", "feed/", "feed/app:one/daily", "feed/app:one/daily/7/2", "ex_1"])
def test_another_message_is_about_no_run(text: str) -> None:
    with pytest.raises(UnknownMessage):
        messages.parse_run(text)


@pytest.mark.parametrize("text", ["", "app:one", "app:one/", "/daily", "app:one/daily/7"])
def test_another_message_is_about_no_feed_to_send(text: str) -> None:
    with pytest.raises(UnknownMessage):
        messages.parse_sending(text)
