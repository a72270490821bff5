"""The fence alone: which addresses may be connected to, and that a connection goes only to one that was checked."""

import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.fence import Reason, RefusedUrlError, allowance, look_up, place_of, safe_addresses, trap, why_unsafe
from recommenders.errors import UnsafeUrlError
from tests.crawlers.hostile_server import HostileSite, Kind, hostile_sites, self_signed

# Registries of IANA for special-purpose addresses (RFC 6890 and after), and what clouds document of their metadata.
NEVER = """
    0.0.0.0 0.1.2.3 169.254.0.1 169.254.169.254 168.63.129.16 100.100.100.200 192.0.0.192 192.0.2.1 198.18.0.1
    198.51.100.7 203.0.113.9 192.88.99.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: fe80::1 ff02::1 100::1
    2001:db8::1 fd00:ec2::254 2001::1 64:ff9b:1::1 5f00::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::
    ::ffff:0:169.254.169.254 ::169.254.169.254
"""
PRIVATE = """
    127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 ::1 fc00::1 fd12::1 fec0::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ::127.0.0.1
"""
PUBLIC = "8.8.8.8 1.1.1.1 172.32.0.1 2606:4700::1111 2a00:1450:4001::200e ::ffff:8.8.8.8 64:ff9b::808:808"


@pytest.mark.parametrize("address", NEVER.split())
def test_an_address_of_no_public_host_is_refused_even_where_private_ones_are_allowed(address: str) -> None:
    assert why_unsafe(ipaddress.ip_address(address), private_ok=True)


@pytest.mark.parametrize("address", PRIVATE.split())
def test_a_private_address_is_refused_unless_it_is_allowed(address: str) -> None:
    assert why_unsafe(ipaddress.ip_address(address), private_ok=False)
    assert why_unsafe(ipaddress.ip_address(address), private_ok=True) is None


@pytest.mark.parametrize("address", PUBLIC.split())
def test_an_address_of_the_internet_may_be_connected_to(address: str) -> None:
    assert why_unsafe(ipaddress.ip_address(address), private_ok=False) is None


@given(st.ip_addresses(v=4), st.booleans())
def test_an_ipv6_address_that_stands_for_an_ipv4_one_is_judged_as_that_one(
    inner: ipaddress.IPv4Address, private_ok: bool
) -> None:
    number = int(inner)
    outer = [
        f"::ffff:{inner}",
        f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
    ]
    judged = {bool(why_unsafe(ipaddress.ip_address(text), private_ok=private_ok)) for text in outer}
    assert judged == {bool(why_unsafe(inner, private_ok=private_ok))}


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_never_taken_for_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if why_unsafe(address, private_ok=False) is None:
        assert address.is_global and not address.is_multicast


@pytest.mark.parametrize(
    "spelling", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "017700000001", "localhost"]
)
def test_odd_spellings_of_loopback_are_seen_through(spelling: str) -> None:
    with pytest.raises(UnsafeUrlError, match="loopback"):
        safe_addresses(spelling, look_up(spelling), private_ok=False)


def test_a_name_with_a_public_and_a_private_address_is_connected_to_at_the_public_one_only() -> None:
    assert safe_addresses("blog.example", ["10.0.0.1", "8.8.8.8", "::1"], private_ok=False) == ("8.8.8.8",)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", Reason.SCHEME),
        ("data:text/html,hello", Reason.SCHEME),
        ("javascript:alert(1)", Reason.SCHEME),
        ("gopher://example.org/", Reason.SCHEME),
        ("//example.org/", Reason.SCHEME),
        ("http:///nothing", Reason.URL),
        ("http://user:secret@example.org/", Reason.URL),
        ("http://example.org:22/", Reason.URL),
        ("http://example.org:6379/", Reason.URL),
        ("http://example.org:99999/", Reason.URL),
        ("http://[::1/", Reason.URL),
        ("http://example.org/" + "a" * 3000, Reason.URL),
    ],
)
def test_a_url_that_may_not_be_asked_for_is_refused_with_its_reason(url: str, reason: Reason) -> None:
    with pytest.raises(RefusedUrlError) as refused:
        place_of(url)
    assert refused.value.reason == reason


def test_a_site_is_allowed_its_own_host_and_port_and_nothing_else() -> None:
    assert allowance("http://127.0.0.1:8001/blog/") == place_of("http://127.0.0.1:8001/other").origin
    assert allowance("http://127.0.0.1:8001/") != place_of("http://127.0.0.1:8002/").origin
    assert allowance("http://intranet/") == "intranet:80"


@pytest.mark.parametrize(
    "path",
    [
        "/a/b/a/b/a/b/",
        "/x/x/x/x/",
        "/" + "/".join("abcdefghijklmnopqrst"),
        "/?" + "&".join(f"p{n}=1" for n in range(20)),
    ],
)
def test_an_address_that_a_site_makes_up_without_end_is_a_trap(path: str) -> None:
    assert trap(f"http://example.org{path}")


@pytest.mark.parametrize(
    "path",
    ["/2011/11/11/eleven-songs/", "/music/reviews/2024/05/a-b-a-b/", "/?p=123&utm_source=rss&utm_medium=feed", "/"],
)
def test_an_ordinary_address_is_no_trap(path: str) -> None:
    assert trap(f"http://example.org{path}") is None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileSite]:
    """A small, well-behaved site."""
    with hostile_sites([Kind("plain", "", {})], self_signed(tmp_path_factory.mktemp("certificate"))) as sites:
        yield sites["plain"]


def crawl(urls: list[dict[str, Any]], **settings: Any) -> dict[str, dict[str, Any]]:
    """What came of these URLs, by their key."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.crawlers.plain_crawl"],
        input=json.dumps({"urls": urls, "settings": settings}),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    result: dict[str, dict[str, Any]] = json.loads(found.stdout)
    return result


_ANSWERS = {"blog.example": [["127.0.0.1"], ["169.254.169.254"]], "rebound.example": [["127.0.0.1"]]}
_asked: list[str] = []


def look_up_by_turns(host: str) -> list[str]:
    """A name server that gives another answer each time: what `FENCE_LOOK_UP` names in the next test."""
    _asked.append(host)
    answers = _ANSWERS[host]
    return answers[min(_asked.count(host), len(answers)) - 1]


def test_a_name_is_connected_to_at_the_address_that_was_checked_and_not_looked_up_again(site: HostileSite) -> None:
    urls = [
        {"key": "front", "url": f"http://blog.example:{site.port}/", "allowed": f"blog.example:{site.port}"},
        {"key": "good", "url": f"http://blog.example:{site.port}/good", "allowed": f"blog.example:{site.port}"},
        {"key": "rebound", "url": f"http://rebound.example:{site.port}/good"},
    ]
    found = crawl(urls, FENCE_LOOK_UP="tests.crawlers.test_fence.look_up_by_turns")
    assert found["front"]["status"] == found["good"]["status"] == 200
    assert found["rebound"]["reason"] == Reason.PRIVATE


def test_a_connection_that_one_site_was_allowed_serves_no_other(site: HostileSite) -> None:
    before = sum(site.asked.values())
    urls = [
        {"key": "allowed", "url": f"{site.url}good", "allowed": allowance(site.url)},
        {"key": "another's", "url": f"{site.url}good?again", "allowed": "127.0.0.1:1"},
        {"key": "no allowance", "url": f"{site.url}good?more"},
    ]
    found = crawl(urls, CONCURRENT_REQUESTS=1)
    assert found["allowed"]["status"] == 200
    assert found["another's"]["reason"] == found["no allowance"]["reason"] == Reason.PRIVATE
    assert sum(site.asked.values()) == before + 1
