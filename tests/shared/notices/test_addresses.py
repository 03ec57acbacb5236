"""Addresses that must not be called, and some that may."""

import pytest

from shared.notices import addresses
from shared.notices.addresses import NotCallable

NEVER = [
    # Another scheme.
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com:443/_x",
    "javascript:alert(1)",
    "//hooks.example.com/",
    "hooks.example.com",
    "",
    # Another port.
    "https://hooks.example.com:8443/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:0443/",
    "https://hooks.example.com:+443/",
    "https://hooks.example.com:65979/",
    "https://hooks.example.com:/",
    # User information, also where two programs read the host differently.
    "https://user:password@hooks.example.com/",
    "https://hooks.example.com@169.254.169.254/",
    "https://hooks.example.com:443@10.0.0.1/",
    "https://@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://127.0.0.1\\.hooks.example.com/",
    # Literal addresses in every spelling.
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://1.1.1.0x7f/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://8.8.8.8/",
    "https://8.8.8.8./",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700:4700::1111]/",
    "https://[::1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    # Names of the inside, and names that are none.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://app.internal/",
    "https://router.home.arpa/",
    "https://intranet/",
    "https://wiki.corp/",
    "https://hooks.example.com./",
    "https://hooks..example.com/",
    "https://.example.com/",
    "https://-hooks.example.com/",
    "https://hooks_.example.com/",
    "https://hooks%2eexample%2ecom/",
    "https://hooks.example.com%00.evil.test/",
    "https://ｅxample.com/",
    "https://bücher.example.com/",
    "https:///hook",
    "https://",
    f"https://{'a' * 64}.example.com/",
    f"https://{'a.' * 130}example.com/",
    # What programs strip or break at.
    " https://hooks.example.com/",
    "https://hooks.example.com/ ",
    "https://hooks.example.com/\r\nHost: inside",
    "https://hooks.exam\tple.com/",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com/hook#part",
    f"https://hooks.example.com/{'a' * 2_000}",
]

NOT_PUBLIC = [
    "0.0.0.0",  # Not bound to.
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.129.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

PUBLIC = ["8.8.8.8", "20.50.2.1", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "2a02:26f0::1"]


@pytest.mark.parametrize("url", NEVER)
def test_an_address_of_a_forbidden_form_is_refused(url: str) -> None:
    with pytest.raises(NotCallable):
        addresses.parse(url)


@pytest.mark.parametrize("url", NEVER)
def test_nor_does_the_allowance_for_laptops_open_anything_but_loopback(url: str) -> None:
    try:
        endpoint = addresses.parse(url, allow_loopback=True)
    except NotCallable:
        return

    assert endpoint.host in ("localhost", "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com", "hooks.example.com"),
        ("https://hooks.example.com:443/a/b?c=d%20e&f=[1]", "hooks.example.com"),
        ("HTTPS://Hooks.Example.COM/Hook", "hooks.example.com"),
        ("https://xn--bcher-kva.example.com/", "xn--bcher-kva.example.com"),
        ("https://prod-12.norwayeast.logic.azure.com/workflows/x", "prod-12.norwayeast.logic.azure.com"),
    ],
)
def test_a_public_name_over_https_is_taken(url: str, host: str) -> None:
    endpoint = addresses.parse(url)

    assert (endpoint.host, endpoint.port) == (host, 443)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_with_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(NotCallable):
        addresses.choose([address])


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_one_such_address_beside_public_ones_is_enough(address: str) -> None:
    with pytest.raises(NotCallable):
        addresses.choose(["8.8.8.8", address])


@pytest.mark.parametrize("address", [each for each in NOT_PUBLIC if each not in ("::1",)])
def test_the_allowance_for_laptops_is_for_loopback_alone(address: str) -> None:
    if address.startswith("127."):
        assert addresses.choose([address], allow_loopback=True) == address
    else:
        with pytest.raises(NotCallable):
            addresses.choose([address], allow_loopback=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to(address: str) -> None:
    assert addresses.choose([address]) == address


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(NotCallable):
        addresses.choose([])


def test_ipv4_is_preferred() -> None:
    assert addresses.choose(["2a02:26f0::1", "8.8.8.8"]) == "8.8.8.8"
