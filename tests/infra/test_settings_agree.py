"""Whether the app, Bicep and the local sample name the same settings."""

import json
from collections.abc import Mapping
from pathlib import Path

from local.infracheck import agreement, templates
from local.infracheck.templates import Template
from shared import settings


def test_a_setting_that_bicep_does_not_set_is_found() -> None:
    found = agreement.differing_settings(
        app=["WAREHOUSE", "TABLE_STORAGE"], bicep=["WAREHOUSE"], sample=["WAREHOUSE", "TABLE_STORAGE"]
    )

    assert found == ["TABLE_STORAGE is read by the app and missing in Bicep."]


def test_a_setting_that_the_app_does_not_read_is_found() -> None:
    found = agreement.differing_settings(
        app=["WAREHOUSE"], bicep=["WAREHOUSE"], sample=["WAREHOUSE", "WAREHOSE"]
    )

    assert found == ["WAREHOSE is set in local.settings.sample.json and not read by the app."]


def test_settings_of_the_functions_host_are_its_own() -> None:
    host = ["AzureWebJobsStorage", "AzureWebJobsStorage__clientId", "FUNCTIONS_WORKER_RUNTIME"]

    assert (
        agreement.differing_settings(
            app=["WAREHOUSE"], bicep=["WAREHOUSE", *host], sample=["WAREHOUSE", *host]
        )
        == []
    )


def test_app_bicep_and_sample_of_the_project_name_the_same_settings(
    project: Mapping[str, Template], root: Path
) -> None:
    variables = project["infra/modules/function-app.bicep"].variables
    bicep = templates.keys(variables["hostSettings"]) | templates.keys(variables["appSettings"])
    sample = json.loads((root / "local.settings.sample.json").read_text("utf-8"))["Values"]

    assert agreement.differing_settings(app=settings.names(), bicep=bicep, sample=sample) == []
