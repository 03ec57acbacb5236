"""The container of delivery files, in Microsoft's emulator."""

import tracemalloc
from contextlib import ExitStack
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from shared.deliveries import container as containers
from shared.deliveries.container import (
    ChangedMeanwhile,
    Container,
    ContainerUnavailable,
    LeasedByAnother,
    LeaseLost,
)
from shared.settings import DeliverySettings
from tests.builders.container import Outside

MEGABYTE = 1024 * 1024


@pytest.fixture
def outside(delivery_storage: DeliverySettings) -> Outside:
    return Outside(delivery_storage)


def test_files_that_wait_are_listed_in_the_order_of_their_arrival(
    container: Container, outside: Outside
) -> None:
    for name in ("b.csv", "folder/a.csv", "a.csv"):
        outside.put(name, name.encode())

    arrived = container.list_files()

    assert [(each.name, each.size) for each in arrived if each.at == arrived[0].at] == sorted(
        (each.name, each.size) for each in arrived if each.at == arrived[0].at
    )
    assert [each.at for each in arrived] == sorted(each.at for each in arrived)
    assert {each.name: each.size for each in arrived} == {"a.csv": 5, "b.csv": 5, "folder/a.csv": 12}


def test_what_lies_elsewhere_does_not_wait(container: Container, outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    container.upload("processed/file", tmp_path / "file")
    container.upload_text("processed/file.txt", "æøå")

    assert container.list_files() == []
    with outside.client as client:
        assert client.download_blob("processed/file.txt").readall().decode() == "æøå"


def test_a_file_that_was_replaced_is_neither_read_nor_removed(
    container: Container, outside: Outside, tmp_path: Path
) -> None:
    outside.put("a.csv", b"first")
    (listed,) = container.list_files()
    outside.put("a.csv", b"second")

    with pytest.raises(ChangedMeanwhile):
        container.download(listed, tmp_path / "a.csv")
    with pytest.raises(ChangedMeanwhile):
        container.remove(listed)

    assert outside.text("incoming/a.csv") == "second"


def test_a_file_that_was_taken_away_is_reported_as_such(
    container: Container, outside: Outside, tmp_path: Path
) -> None:
    outside.put("a.csv", b"first")
    (listed,) = container.list_files()
    container.remove(listed)

    with pytest.raises(ChangedMeanwhile):
        container.download(listed, tmp_path / "a.csv")
    with pytest.raises(ChangedMeanwhile):
        container.remove(listed)


def test_one_runner_at_a_time_has_the_turn(container: Container, delivery_storage: DeliverySettings) -> None:
    other = containers.open_container(delivery_storage, credential=None)

    with container.lease(), pytest.raises(LeasedByAnother), other.lease():
        raise AssertionError("two hold the lease")
    with other.lease():
        pass


def test_a_runner_whose_turn_ended_unknowingly_ends_without_harm(
    container: Container, outside: Outside
) -> None:
    with container.lease():
        outside.end_the_lease_of_the_dead()

    with container.lease():
        pass


def test_a_turn_that_is_still_ones_own_can_be_renewed(container: Container) -> None:
    with container.lease() as lease:
        lease.renew()
        lease.renew()


@pytest.mark.parametrize("is_over", [True, False])
def test_a_turn_that_another_has_or_has_had_is_lost(
    container: Container, outside: Outside, delivery_storage: DeliverySettings, *, is_over: bool
) -> None:
    other = containers.open_container(delivery_storage, credential=None)

    with container.lease() as lease, ExitStack() as others:
        outside.end_the_lease_of_the_dead()
        others.enter_context(other.lease())
        if is_over:
            others.close()

        with pytest.raises(LeaseLost):
            lease.renew()


def test_a_container_that_does_not_exist_is_reported_as_unavailable(table_storage: str) -> None:
    container = containers.open_container(DeliverySettings(table_storage, "missing"), credential=None)

    with pytest.raises(ContainerUnavailable, match="ContainerNotFound"):
        container.list_files()
    with pytest.raises(ContainerUnavailable, match="ContainerNotFound"), container.lease():
        raise AssertionError("there is nothing to lease")


def test_a_storage_that_does_not_answer_is_reported_as_unavailable(free_port: int) -> None:
    nowhere = (
        "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9ib2R5;"
        f"BlobEndpoint=http://127.0.0.1:{free_port}/nobody;"
    )
    client = ContainerClient.from_connection_string(nowhere, "deliveries", retry_total=0)

    with pytest.raises(ContainerUnavailable, match="ServiceRequestError"):
        Container(client).list_files()


def test_memory_does_not_grow_with_the_size_of_a_file(container: Container, tmp_path: Path) -> None:
    there_and_back(container, tmp_path, size=MEGABYTE)  # What is made once is made.

    small = there_and_back(container, tmp_path, size=12 * MEGABYTE)
    large = there_and_back(container, tmp_path, size=60 * MEGABYTE)

    assert large < small + 2 * MEGABYTE


def there_and_back(container: Container, folder: Path, *, size: int) -> int:
    """Store a file and read it again; the most bytes of memory that this took at a time."""
    (folder / "file").write_bytes(b"0123456789abcdef" * (size // 16))
    tracemalloc.start()
    container.upload("incoming/file", folder / "file")
    (listed,) = container.list_files()
    container.download(listed, folder / "copy")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (folder / "copy").read_bytes() == (folder / "file").read_bytes()
    return peak
