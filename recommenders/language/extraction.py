"""From a page's bytes to its article: the text without the page around it, and what the page says of itself.

Pure, and bounded in time and memory on any input: made to run in a worker process of its own.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from lxml.html import HtmlElement

from recommenders.errors import MixtapeError
from recommenders.language.deadline import TooSlowError, deadline
from recommenders.language.duplicates import bands, signature
from recommenders.language.encodings import decode, legal
from recommenders.language.feeds import Entry
from recommenders.language.languages import identify_language, ideographs
from recommenders.language.main_text import main_text
from recommenders.language.markup import NoTextError, Refusal, parse_page, plain_text
from recommenders.language.page_facts import PageFacts, page_facts

__all__ = [
    "Extracted",
    "NoTextError",
    "Refusal",
    "article_of",
    "content_hash",
    "extract",
    "from_entry",
    "from_text",
    "page_tree",
    "tidy",
]

MOST_BYTES = 4 << 20
SHORTEST_TEXT = 80  # letters of Latin, 27 of Chinese; what is shorter is a caption, a menu, a note of nothing found
LONGEST_TEXT = 200_000
CONTROL_SHARE = 0.02  # of the bytes
UNREADABLE_SHARE = 0.05  # of the characters
SECONDS = 10.0  # of processor time


@dataclass(frozen=True)
class Extracted:
    """An article as a page tells it.

    `url` is the page's address, `canonical_url` the one that it names itself. `published_at` UTC, None where the page
    does not say. `bands` (BANDS,) are the keys by which near-duplicates meet.
    """

    url: str
    title: str
    text: str
    author: str | None
    language: str | None
    published_at: datetime | None
    canonical_url: str | None
    content_hash: int
    bands: tuple[int, ...]

    @property
    def key(self) -> str:
        """The address by which the article is known."""
        return self.canonical_url or self.url


def extract(body: bytes, url: str, *, content_type: str | None = None, seconds: float = SECONDS) -> Extracted:
    """The article of a page, by trafilatura (Barbaresi 2021).

    `content_type` is the header of the answer: its charset counts, then the page's own, then what the bytes look like.
    Raises NoTextError where there is no article; it never takes more than `seconds` of processor time, where it runs
    in the main thread of its process.
    """
    if len(body) > MOST_BYTES:
        raise NoTextError(Refusal.TOO_LARGE, f"{len(body):,} bytes; the most are {MOST_BYTES:,}")
    with _bounded(seconds):
        return article_of(page_tree(body, content_type), url)


def page_tree(body: bytes, content_type: str | None) -> HtmlElement:
    """A page as a tree, for those who look for more in it than its article; raises NoTextError as `extract` does.

    Its time is not bounded.
    """
    return parse_page(_page_text(body, content_type))


def article_of(tree: HtmlElement, url: str) -> Extracted:
    """The article of a page that is parsed already; raises NoTextError as `extract` does. Its time is not bounded."""
    return _article(main_text(tree, url), page_facts(tree, url), url)


def from_text(
    text: str,
    url: str,
    *,
    title: str = "",
    author: str | None = None,
    language: str | None = None,
    published_at: datetime | None = None,
) -> Extracted:
    """An article whose text is known already, such as a biography; raises NoTextError where that is too short."""
    return _article(text, PageFacts(title, author, published_at, None, language), url)


def from_entry(entry: Entry, url: str, *, language: str | None = None, seconds: float = SECONDS) -> Extracted:
    """The article that a feed holds of one post, at its address; all of its text, there is no page around it.

    Raises NoTextError where the feed holds none.
    """
    if not entry.html:
        raise NoTextError(Refusal.NO_TEXT, "the feed names the post, but holds nothing of it")
    with _bounded(seconds):
        text = plain_text(entry.html[:MOST_BYTES])
        facts = PageFacts(entry.title, entry.author, entry.published_at, None, language)
        return _article(text, facts, url)


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Whatever the input does in the block, it ends as a NoTextError."""
    try:
        with deadline(seconds):
            yield
    except TooSlowError as error:
        raise NoTextError(Refusal.TOO_SLOW, str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise NoTextError(Refusal.TOO_DEEP, f"the page is nested too deep to be read: {error}") from error
    except MixtapeError:
        raise
    except Exception as error:  # of one of many libraries, on hostile input
        raise NoTextError(Refusal.UNREADABLE, f"{type(error).__name__}: {error}"[:500]) from error


def _page_text(body: bytes, content_type: str | None) -> str:
    """The page as text; raises NoTextError for what is no page, or no text at all."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("text/") and "html" not in kind and "xml" not in kind:
        raise NoTextError(Refusal.NOT_A_PAGE, f"the content type is {kind[:100]}")
    if body.startswith(_BINARY) or _is_binary(body[:4096]):
        raise NoTextError(Refusal.NOT_A_PAGE, "the bytes are no text")
    text = decode(body, content_type).text
    odd = text.count("\ufffd")
    if odd > UNREADABLE_SHARE * len(text):
        raise NoTextError(Refusal.UNREADABLE, f"{odd:,} of {len(text):,} characters can't be read")
    return text


def _is_binary(beginning: bytes) -> bool:
    """Whether a file begins with more control characters than any text has."""
    if beginning.lstrip()[:4].count(0) in (1, 2, 3) or beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False  # two or four bytes a letter
    return len(beginning) - len(beginning.translate(None, _CONTROLS)) > CONTROL_SHARE * len(beginning)


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"ID3",
    b"OggS",
    b"RIFF",
    b"\x7fELF",
)


def _article(text: str, facts: PageFacts, url: str) -> Extracted:
    title = facts.title or ""
    text = _without_title(tidy(text), title)
    if not text:
        raise NoTextError(Refusal.NO_TEXT, "the page has no text that belongs to it alone")
    if len(text) + 2 * ideographs(text) < SHORTEST_TEXT:
        raise NoTextError(Refusal.TOO_SHORT, f"{len(text)} characters; the least are {SHORTEST_TEXT}")
    return Extracted(
        url=url,
        title=title,
        text=text,
        author=facts.author,
        language=identify_language(f"{title}\n{text}", facts.language),
        published_at=facts.published_at,
        canonical_url=facts.canonical_url,
        content_hash=content_hash(title, text),
        bands=tuple(bands(signature(text)).tolist()),
    )


def tidy(text: str) -> str:
    """With one line a paragraph; cut to the longest that is read."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in legal(text).splitlines())
    return "\n".join(line for line in lines if line)[:LONGEST_TEXT].strip()


def _without_title(text: str, title: str) -> str:
    """The text less a first line that is the title again."""
    first, _, rest = text.partition("\n")
    return rest if title and first.casefold() == title.casefold() else text


def content_hash(title: str, text: str) -> int:
    """BLAKE2b (RFC 7693) of the article as a signed 64-bit number: equal while it says the same."""
    return int.from_bytes(hashlib.blake2b(f"{title}\n{text}".encode(), digest_size=8).digest(), "big", signed=True)
