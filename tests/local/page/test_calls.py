"""What the developer page shows of a call, and the calls that it makes from the OpenAPI document."""

import json
import re
import shutil
import subprocess
import sys
from datetime import date

import pytest

from local import demo
from local.sampledata import readings
from tests.builders.browser import Page

pytestmark = pytest.mark.slow

BAKERY, OFFICE = readings.BAKERY, readings.OFFICE


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
@pytest.mark.parametrize("caller", ["eos-vendor", "kari"])
def test_the_curl_lines_give_the_answer_that_is_shown(page: Page, caller: str, yesterday: date) -> None:
    page.open(caller=caller, point=BAKERY, view="day", day=str(yesterday))
    page.tab("Request", within="#behind")
    lines = [block.text for block in page.all("#behind [role=tabpanel]:not([hidden]) pre")]
    page.tab("Answer", within="#behind")
    shown = page.text("#behind [role=tabpanel]:not([hidden]) pre")

    script = "\n".join(lines).replace("python3 -c", f"{sys.executable} -c")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == json.loads(shown)


def test_the_token_is_decoded(page: Page) -> None:
    page.open(caller="kari", point=BAKERY)
    page.tab("Token", within="#behind")

    shown = page.text("#behind [role=tabpanel]:not([hidden])")
    assert f"oid {demo.KARI.object_id}" in shown
    assert "scp Metering.Read" in shown
    page.tab("Request", within="#behind")


def test_the_gateway_s_decisions_are_shown(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    page.tab("Gateway", within="#behind")

    page.wait(lambda: "validate-jwt" in page.text("#behind"))
    assert "backend answered 200" in page.text("#behind")
    page.tab("Request", within="#behind")


def test_the_last_requests_are_listed_with_what_the_gateway_decided(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)

    page.find('footer a[href="/pages/trace.html"]').click()
    page.wait(lambda: page.all("#requests summary"))
    page.find("#requests summary").click()

    page.wait(lambda: "validate-jwt" in page.text("#requests table"))
    assert "GET /metering/v1/" in page.text("#requests summary")
    assert "backend answered 200" in page.text("#requests table")


def test_every_operation_answers_what_its_form_suggests(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    page.tab("Try calls")
    operations = page.all("#operations button")
    assert len(operations) >= 9

    statuses = {}
    for operation in operations:
        operation.click()
        page.find("form button[type=submit]").click()
        page.wait(lambda: page.all("#answer .outcome, #answer .problem"))
        statuses[operation.text.replace("\n", " ")] = page.text("#answer")[:3]

    (readers,) = [name for name in statuses if "/readers" in name]
    assert statuses.pop(readers) == "403", "only persons may ask who else reads"
    # The caller has no export, feed and webhook that a form could suggest.
    unnamed = {name for name in statuses if re.search(r"\{(export|feed|webhook)Id\}", name)}
    assert {statuses[name] for name in unnamed} == {"404"}, statuses
    assert {statuses[name] for name in statuses.keys() - unnamed} == {"200"}, statuses


def test_a_link_to_the_calls_opens_them_for_the_metering_point(page: Page) -> None:
    page.driver.get("about:blank")
    page.driver.get(f"{page.address}/#tab=calls&caller=kari&point={OFFICE}")
    page.wait(lambda: page.all("#operations button"))
    page.settle()

    next(
        one
        for one in page.all("#operations button")
        if one.text.startswith("/metering-points/{meteringPointId}")
    ).click()

    assert page.find("#parameter-meteringPointId").get_property("value") == OFFICE
    page.tab("Series")
    page.choose("#point", BAKERY)
    page.settle()
    page.tab("Try calls")
    assert page.find("#parameter-meteringPointId").get_property("value") == BAKERY


def test_all_faults_of_a_call_are_listed_with_their_hints(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    open_series(page)
    type_into(page, "#parameter-from", "2026-03-29T12:00")
    type_into(page, "#extra", "unit=MWh")

    page.find("form").submit()

    page.wait(lambda: page.all("#answer .faults"))
    faults = {row.text.split()[0]: row.text for row in page.all("#answer .faults tbody tr")}
    assert list(faults) == ["from", "unit"]
    assert "no offset from UTC" in faults["from"]
    assert "Known parameters: asOf" in faults["unit"]


def test_an_etag_that_is_held_gives_304(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    open_series(page)
    page.find("form").submit()
    page.wait(lambda: page.text("#answer").startswith("200"))

    page.find("form").submit()

    page.wait(lambda: page.text("#answer").startswith("304"))


def open_series(page: Page) -> None:
    page.tab("Try calls")
    next(
        one
        for one in page.all("#operations button")
        if one.text.startswith("/metering-points/{meteringPointId}/con")
    ).click()


def type_into(page: Page, selector: str, text: str) -> None:
    field = page.find(selector)
    field.clear()
    field.send_keys(text)
