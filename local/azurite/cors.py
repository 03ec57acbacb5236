"""Lets a page of this machine read blobs of the emulator; in Azure `infra/modules/outbox.bicep` does."""

from azure.storage.blob import BlobServiceClient, CorsRule


def allow(connection_string: str, *, origins: list[str]) -> None:
    """Let pages of these origins read blobs by their links.

    Raises:
        azure.core.exceptions.AzureError: the emulator did not answer.
    """
    rule = CorsRule(
        origins,
        ["GET", "HEAD"],
        allowed_headers=["range", "x-ms-range"],
        exposed_headers=["content-length", "content-range", "etag"],
        max_age_in_seconds=3600,
    )
    with BlobServiceClient.from_connection_string(connection_string) as service:
        service.set_service_properties(cors=[rule])
