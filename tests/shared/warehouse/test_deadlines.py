"""How long is left until a deadline."""

from datetime import timedelta

from shared.warehouse.deadlines import Deadline


def test_what_is_left_until_a_deadline_shrinks_to_nothing_and_not_below() -> None:
    ahead, behind = Deadline.after(timedelta(seconds=60)), Deadline.after(timedelta(seconds=-1))

    assert 59 < ahead.seconds_left() <= 60
    assert behind.seconds_left() == 0
