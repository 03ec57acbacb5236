"""The emulator as the tests and the stack use it."""

from azure.data.tables import TableServiceClient

from local.azurite import emulator


def test_a_test_gets_an_empty_account(table_storage: str) -> None:
    with TableServiceClient.from_connection_string(table_storage) as service:
        assert [table.name for table in service.list_tables()] == []


def test_accounts_do_not_see_each_other(table_storage: str, azurite: str) -> None:
    with (
        TableServiceClient.from_connection_string(azurite) as shared,
        TableServiceClient.from_connection_string(table_storage) as own,
    ):
        own.create_table("Mine")

        assert "Mine" not in [table.name for table in shared.list_tables()]


def test_a_connection_string_names_the_account_and_all_three_services() -> None:
    text = emulator.connection_string(emulator.Endpoints(blob=1, queue=2, table=3), account="a", key="k")

    assert text == (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=k;"
        "BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a;TableEndpoint=http://127.0.0.1:3/a;"
    )
