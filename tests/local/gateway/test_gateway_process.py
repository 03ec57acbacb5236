"""The process itself: it starts with the deployed files, and says why when it does not."""

import subprocess
import sys

from local.gateway.__main__ import demo_named_values, demo_subscriptions
from local.gateway.assembly import NAMED_VALUES, Files
from local.gateway.products import Subscriptions, read
from tests.builders.gateway import ROOT


def test_a_mistake_ends_the_start_with_file_line_and_reason(files: Files) -> None:
    policy = files.policies / "product.xml"
    policy.write_text(policy.read_text().replace("<quota ", "<quota-by-key ", 1))
    line = policy.read_text()[: policy.read_text().index("<quota-by-key ")].count("\n") + 1

    ended = subprocess.run(
        [sys.executable, "-m", "local.gateway", "--port", "0", "--policies", str(files.policies)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert f"{policy}:{line}: the policy <quota-by-key> is not known" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_demo_world_fits_the_deployed_files() -> None:
    products = read(ROOT / "infra" / "apim" / "products.json")

    Subscriptions(demo_subscriptions(), products=products)
    values = demo_named_values(port=1, backend="http://127.0.0.1:2", identity="http://127.0.0.1:3")
    assert set(values) == set(NAMED_VALUES)
