"""The fence: which addresses may be fetched, and why others may not. Pure functions over URLs and addresses."""

import ipaddress
import itertools
import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from recommenders.errors import DataError, UnsafeUrlError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reason(StrEnum):
    """Why a page was refused, as it is recorded."""

    SCHEME = "scheme"
    URL = "bad_address"
    TRAP = "trap"
    PRIVATE = "private_address"
    DNS = "unknown_name"
    CONNECTION = "no_connection"
    TLS = "no_safe_connection"
    TIME = "too_slow"
    SIZE = "too_large"
    BOMB = "decompression_bomb"
    ENCODING = "bad_encoding"
    HEAD = "header_too_long"
    BROKEN = "broken_answer"
    TYPE = "wrong_type"
    REDIRECTS = "too_many_redirects"
    ROBOTS = "robots_txt"
    STATUS = "status"
    ERROR = "error"


class RefusedUrlError(UnsafeUrlError):
    """An address that is not fetched, with the reason that is recorded."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class RefusedAnswerError(DataError):
    """A server's answer that is not taken, with the reason that is recorded."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


LONGEST_URL = 2000
LONGEST_PATH = 16  # segments
MOST_REPEATS = 3  # of one segment
MOST_PAIRS = 2  # of two segments in a row
MOST_PARAMETERS = 10
DEFAULT_PORTS = {"http": 80, "https": 443}

# Ports of other services that an HTTP request can harm (WHATWG Fetch, "bad port"). Those below 1024 are shut anyway.
_BAD_PORTS = frozenset(
    {
        1719,
        1720,
        1723,
        2049,
        3659,
        4045,
        4190,
        5060,
        5061,
        6000,
        6379,
        6566,
        *range(6665, 6670),
        6679,
        6697,
        10080,
        11211,
    }
)
_LOWEST_FREE_PORT = 1024

# What tells a machine in a cloud of its keys. Most are link-local or shared; Azure's is a public address.
_METADATA = frozenset(
    ipaddress.ip_address(name)
    for name in ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ONLY_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_RELAY_ANYCAST = ipaddress.IPv4Network("192.88.99.0/24")


@dataclass(frozen=True)
class Place:
    """Where a URL leads: the host and port to connect to."""

    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """Host and port, as an allowance names them."""
        return f"{self.host}:{self.port}"


def place_of(url: str) -> Place:
    """Where `url` leads, if it is one that may be asked for at all.

    Raises RefusedUrlError for other schemes than http and https, for a URL without a host, with a user name or a
    password, with the port of another service, or longer than LONGEST_URL. What the host resolves to is not looked at.
    """
    if len(url) > LONGEST_URL:
        raise RefusedUrlError(Reason.URL, f"{len(url):,} characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedUrlError(Reason.URL, str(error)) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise RefusedUrlError(Reason.SCHEME, parts.scheme[:40] or "none")
    if not host:
        raise RefusedUrlError(Reason.URL, "no host")
    if parts.username is not None or parts.password is not None:
        raise RefusedUrlError(Reason.URL, "a user name before the host")
    if port is None:
        port = DEFAULT_PORTS[parts.scheme]
    elif port not in DEFAULT_PORTS.values() and (port < _LOWEST_FREE_PORT or port in _BAD_PORTS):
        raise RefusedUrlError(Reason.URL, f"port {port}")
    return Place(parts.scheme, host, port)


def allowance(site_url: str) -> str:
    """What a site that is allowed to be private is allowed: its own host and port, nothing else that is private."""
    return place_of(site_url).origin


def trap(url: str) -> str | None:
    """Why `url` looks like one of an endless number that a site makes up, or None.

    A path that goes round in circles (/a/b/a/b/a/b), is very deep, or carries a heap of parameters.
    """
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > LONGEST_PATH:
        return f"{len(segments)} folders deep"
    if any(segments.count(segment) > MOST_REPEATS for segment in segments) or _repeats_pairs(segments):
        return "the path goes round in circles"
    if len(re.findall(r"[&;]", parts.query)) >= MOST_PARAMETERS:
        return "a heap of parameters"
    return None


def _repeats_pairs(segments: list[str]) -> bool:
    pairs = list(itertools.pairwise(segments))
    return any(pairs.count(pair) > MOST_PAIRS for pair in pairs)


def why_unsafe(address: Address, *, private_ok: bool) -> str | None:
    """Why `address` may not be connected to, or None.

    Those of the internet may be. With `private_ok`, loopback and the private networks (RFC 1918, 4193, 6598) may be,
    too; link-local, metadata, multicast, unspecified and reserved addresses never. An IPv6 address that stands for an
    IPv4 one (mapped, translated, compatible, NAT64 of RFC 6052, 6to4) is judged as that one.
    """
    inner = _ipv4_within(address)
    if inner is not None:
        return why_unsafe(inner, private_ok=private_ok)
    for name, is_so in (
        ("metadata of a cloud", address in _METADATA),
        ("unspecified", address.is_unspecified),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
    ):
        if is_so:
            return name
    if address.is_loopback:
        return None if private_ok else "loopback"
    if isinstance(address, ipaddress.IPv6Address):
        return _why_unsafe_6(address, private_ok)
    if _is_any_of(address, _PRIVATE):
        return None if private_ok else "private"
    return None if address.is_global and address not in _RELAY_ANYCAST else "reserved"


def _why_unsafe_6(address: ipaddress.IPv6Address, private_ok: bool) -> str | None:
    if _is_any_of(address, ("fc00::/7", "fec0::/10")):
        return None if private_ok else "private"
    if address.teredo is not None:
        return "a Teredo tunnel"
    return None if address.is_global and address in _ONLY_GLOBAL_IPV6 else "reserved"


def _is_any_of(address: Address, networks: tuple[str, ...]) -> bool:
    return any(address in ipaddress.ip_network(network) for network in networks)


def _ipv4_within(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address for which this IPv6 address stands, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    low = int(address) & 0xFFFFFFFF
    if address in _NAT64 or address in _TRANSLATED or (address in _COMPATIBLE and low > 1):
        return ipaddress.IPv4Address(low)
    return None


def safe_addresses(host: str, addresses: list[str], *, private_ok: bool) -> tuple[str, ...]:
    """Those of a host's addresses that may be connected to, in order; raises RefusedUrlError when there is none."""
    judged = {name: why_unsafe(ipaddress.ip_address(name), private_ok=private_ok) for name in addresses}
    safe = tuple(name for name, why in judged.items() if why is None)
    if not safe:
        raise RefusedUrlError(Reason.PRIVATE, "; ".join(f"{host} is {name}: {why}" for name, why in judged.items()))
    return safe


def look_up(host: str) -> list[str]:
    """The addresses of a host, IPv4 first: of a name, of an IP address in any spelling that the system takes for one.

    Raises RefusedUrlError when it has none.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedUrlError(Reason.DNS, f"{host[:100]}: {error}") from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
