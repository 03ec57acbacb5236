"""What is deployed is listed with its licences."""

import re

from local import places


def test_every_deployed_package_is_listed_and_no_other() -> None:
    pins = (places.ROOT / "requirements.txt").read_text(encoding="utf-8")
    deployed = set(re.findall(r"^([a-z0-9][a-z0-9-]*)==", pins, flags=re.MULTILINE))

    notices = (places.ROOT / "docs" / "third-party-notices.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([a-z0-9][a-z0-9-]*) \| \S", notices, flags=re.MULTILINE)) - {"package"}

    assert deployed
    assert listed == deployed
