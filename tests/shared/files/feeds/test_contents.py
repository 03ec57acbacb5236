"""What a run of a feed holds, before anything is read."""

from dataclasses import replace
from datetime import UTC, datetime

from shared.files.feeds import contents
from shared.files.feeds.ledger import Batch, Run, RunStatus
from shared.files.feeds.store import EACH_PUBLICATION, Content, Corrections, Span, Spec, Split
from shared.files.forms.about import Gaps
from shared.metering import Direction
from shared.warehouse.queries.published import Kind
from tests.builders.warehouse import HOUSE, readable

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SPEC = Spec(
    name="Daily",
    customer_number=None,
    directions=(Direction.CONSUMPTION,),
    resolution=None,
    form={"format": "gs2"},
    split=Split.PER_METERING_POINT,
    content=Content.NEW_AND_CORRECTED,
    days=0,
    corrections=Corrections.WITH_NEW,
    when=EACH_PUBLICATION,
    gaps=Gaps.HOLD,
)
RUN = Run("app:1", "daily", Span(1, 2, NOW, NOW, NOW), SPEC, RunStatus.BUILDING, touched_at=NOW)


def test_a_customer_number_of_zero_is_a_customer() -> None:
    of_zero = replace(RUN, spec=replace(SPEC, customer_number=0))

    all_of_it = readable((HOUSE, None, None))

    assert contents.selected(all_of_it, RUN) == all_of_it
    assert contents.selected(all_of_it, of_zero).permissions == ()


def test_every_file_has_an_id_of_its_own_that_fits_into_gs2() -> None:
    last = replace(RUN, span=replace(RUN.span, through=9_999_999))
    runs = [
        replace(last, principal=principal, feed_id=feed_id)
        for principal in ("app:1", "app:2")
        for feed_id in ("consumption-of-all-a", "consumption-of-all-b")
    ]
    batches = [Batch(number, "", Kind.ALL, place=1, of=2, permitted=b"") for number in (9_998, 9_999)]

    found = [
        contents.file_id(run, batch, place=place) for run in runs for batch in batches for place in (1, 400)
    ]

    assert len(set(found)) == len(found) == 16
    assert max(map(len, found)) <= 35
