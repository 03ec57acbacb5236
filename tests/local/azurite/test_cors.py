"""Pages that may read blobs of the emulator."""

import re

import httpx

from local.azurite import cors

PAGE = "http://127.0.0.1:8080"


def test_only_pages_of_the_given_origins_may_read_blobs(table_storage: str) -> None:
    (blobs,) = re.findall("BlobEndpoint=([^;]+)", table_storage)
    preflight = {"Access-Control-Request-Method": "GET"}

    cors.allow(table_storage, origins=[PAGE])

    own = httpx.options(f"{blobs}/outbox/file", headers={**preflight, "Origin": PAGE}, trust_env=False)
    other = httpx.options(
        f"{blobs}/outbox/file", headers={**preflight, "Origin": "https://evil.example"}, trust_env=False
    )
    assert (own.status_code, own.headers["access-control-allow-origin"]) == (200, PAGE)
    assert other.status_code == 403
