"""The page on costs shows what the model computes."""

import re

from local import places
from operations.cost import environments, model, page, prices
from operations.cost.drivers import Assumptions, Use


def test_the_tables_are_those_that_the_model_makes() -> None:
    text = page.FILE.read_text(encoding="utf-8")

    assert text == page.written(text), "python -m operations.cost.page writes them"
    assert len(re.findall("<!-- generated: ", text)) == 4


def test_the_first_sentence_has_the_likely_sum() -> None:
    listed = prices.of_region(prices.read(), "norwayeast")

    likely = model.estimate(Use(), environments.read("prod"), listed, Assumptions()).bills["likely"]

    found = re.search(r"About (\d+) USD a month .* about (\d+) more", page.FILE.read_text(encoding="utf-8"))
    assert found is not None
    assert abs(int(found[1]) - likely.without_fabric) < 10
    assert abs(int(found[2]) - (likely.with_fabric - likely.without_fabric)) < 10


def test_a_leader_reads_the_same_sum_in_the_decision_paper() -> None:
    paper = (places.ROOT / "docs" / "decisions" / "discovery.md").read_text(encoding="utf-8")

    assert "840 USD" in paper
    assert "260 USD" in paper
