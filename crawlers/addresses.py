"""Addresses: the one spelling of each, and whether two belong to one site."""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from w3lib.url import safe_url_string

# Parameters that say where a reader comes from or who he is, not what he reads.
_NOT_CONTENT = re.compile(
    r"(utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|yclid|ref_src|phpsessid|jsessionid|aspsessionid\w*|sid"
    r"|sessionid|session_id|replytocom|share|nb|_ga|_gl)",
    re.IGNORECASE,
)
_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def absolute(link: str, base: str) -> str | None:
    """The address that `link` on the page `base` names, in its one spelling; None for what is no page of the web."""
    try:
        parts = urlsplit(safe_url_string(urljoin(base, link.strip())))
        return _spelled(parts) if parts.scheme in _PORTS and parts.hostname else None
    except ValueError:
        return None


def _spelled(parts: SplitResult) -> str:
    query = parts.query
    if query and _NOT_CONTENT.search(query):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(name, value) for name, value in pairs if not _NOT_CONTENT.fullmatch(name)])
    path = _SESSION.sub("", parts.path) or "/"
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{host_of(parts)}", path=path, query=query, fragment="").geturl()


def host_of(parts: SplitResult) -> str:
    """The host of an address, with its port where that is not the usual one; raises ValueError for a wrong port."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def slot_of(url: str) -> str:
    """What requests to one server have in common, for its sake: host and port."""
    try:
        return host_of(urlsplit(url))
    except ValueError:
        return ""


def same_site(url: str, other: str) -> bool:
    """Whether both addresses are of one site: of one host, or one's host within the other's; "www." aside."""
    first, second = _bare_host(url), _bare_host(other)
    return first == second or bool(first and second and "." in min(first, second, key=len) and _within(first, second))


def _within(first: str, second: str) -> bool:
    return first.endswith("." + second) or second.endswith("." + first)


def _bare_host(url: str) -> str:
    return slot_of(url).removeprefix("www.")


def is_front(url: str, site_url: str) -> bool:
    """Whether an address is that of a site, or of its host: no article stands there."""
    return url == site_url or urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() in ("", "/")
