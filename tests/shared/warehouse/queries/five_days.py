"""What the tests of queries ask about: five published days, all changes, and any permissions for them."""

from datetime import date, timedelta

from hypothesis import strategies as st

from shared import periods
from shared.warehouse.queries.publication_log import PublishedDays
from tests.builders.warehouse import CABIN, HOUSE, SHOP

FIVE_DAYS = [date(2026, 3, 28) + timedelta(days=number) for number in range(5)]
FIRST, END = FIVE_DAYS[0], date(2026, 4, 2)

START = (0, "", "", periods.FIRST_DAY)
"""The key before all changes."""
EVER = PublishedDays(periods.FIRST_DAY, periods.END_DAY)

some_days = st.dates(date(2026, 3, 26), date(2026, 4, 4))
permissions = st.lists(
    st.tuples(st.sampled_from([HOUSE, CABIN, SHOP]), st.none() | some_days, st.none() | some_days), max_size=8
)
