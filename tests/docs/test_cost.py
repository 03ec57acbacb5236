"""The page on costs shows what the model computes."""

import re
from pathlib import Path

import pytest

from operations.cost import environments, page


@pytest.mark.parametrize(("file", "blocks"), [(page.PAGE, 7), (page.PAPER, 1)])
def test_the_figures_are_those_that_the_model_makes(file: Path, blocks: int) -> None:
    text = file.read_text(encoding="utf-8")

    assert text == page.written(text), "python -m operations.cost.page writes them"
    assert len(re.findall("<!-- generated: ", text)) == blocks


def test_the_decision_paper_names_no_sum_that_nothing_computes() -> None:
    text = page.PAPER.read_text(encoding="utf-8")

    assert re.findall(r"\d[\d ]* USD", text) == []


def test_both_environments_are_the_sum_of_each() -> None:
    prod, dev, both = (
        [int(cell.replace(" ", "")) for cell in row.split("|")[2:5]] for row in page.sums().splitlines()[2:]
    )

    # Each figure is rounded by itself.
    assert all(abs(a + b - c) <= 1 for a, b, c in zip(prod, dev, both, strict=True))


def test_with_zones_each_timer_and_queue_function_keeps_two_warm_instances(tmp_path: Path) -> None:
    app = tmp_path / "function_app.py"
    app.write_text(
        '@app.timer_trigger(schedule="")\ndef a(): ...\n@app.queue_trigger(arg_name="m")\ndef b(): ...\n'
    )

    assert environments.scale_groups(app) == 3
    assert environments.read("prod").always_ready == 2 * environments.scale_groups()
