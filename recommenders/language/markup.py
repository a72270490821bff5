"""Markup as trees: parsed within limits, and as plain text."""

import re
from enum import StrEnum

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from recommenders.errors import DataError

MOST_ELEMENTS = 20_000
DEEPEST = 200
LARGE_PAGE = 200_000  # characters
LONGEST_TAG = 5_000  # what is longer holds a picture, or nothing good

_OPENING = re.compile(r"<(?:(script|style)\b|[a-z][a-z0-9:-]*)", re.IGNORECASE)
_REST_OF_TAG = re.compile(r"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+""")
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_UNSEEN = frozenset(["script", "style", "noscript", "template", "head", "title", "iframe", "object", "svg", "select"])
_INLINE = frozenset(
    ["a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "small", "span",
     "strike", "strong", "sub", "sup", "time", "tt", "u", "wbr"]
)  # fmt: skip


class Refusal(StrEnum):
    """Why a page gives no article."""

    NOT_A_PAGE = "not_a_page"
    NO_TEXT = "no_text"
    TOO_SHORT = "too_short"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_SLOW = "too_slow"


class NoTextError(DataError):
    """A page that gives no article; `refusal` says why."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal

    def __reduce__(self) -> tuple[type["NoTextError"], tuple[Refusal, str]]:
        return NoTextError, (self.refusal, str(self))


def parse_page(text: str) -> HtmlElement:
    """The page as a tree without comments; raises NoTextError where there is none, or one that is too large or deep."""
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        tree = document_fromstring(_without_long_tags(text).encode("utf-8", "ignore"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise NoTextError(Refusal.NO_TEXT, f"there is no page: {error}") from error
    n_elements = int(tree.xpath("count(//*)"))
    if n_elements > MOST_ELEMENTS:
        raise NoTextError(Refusal.TOO_LARGE, f"{n_elements:,} elements; the most are {MOST_ELEMENTS:,}")
    if tree.xpath(f"boolean(//*[count(ancestor::*) >= {DEEPEST}])"):
        raise NoTextError(Refusal.TOO_DEEP, f"nested deeper than {DEEPEST}")
    return tree


def _without_long_tags(text: str) -> str:
    """A large page, its longest tags without their attributes: libxml2 takes the square of their number in time."""
    if len(text) < LARGE_PAGE:
        return text
    parts, done, place = [], 0, 0
    while opening := _OPENING.search(text, place):
        place = _REST_OF_TAG.match(text, opening.end()).end()  # type: ignore[union-attr]
        if place - opening.start() > LONGEST_TAG:
            parts.append(text[done : opening.end()])
            done = place
        if opening[1]:  # what follows is no markup
            closing = _CLOSING[opening[1].lower()].search(text, place)
            place = closing.start() if closing else len(text)
    return "".join([*parts, text[done:]])


def plain_text(html: str) -> str:
    """All the text of a fragment of HTML, a line for each block; raises NoTextError as `parse_page` does."""
    return text_of(parse_page(f"<div>{html}</div>"))


def text_of(tree: HtmlElement) -> str:
    """All the text of an element that a reader would see, a line for each block."""
    parts: list[str] = []
    unseen = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        hidden = element.tag in _UNSEEN
        if event == "start":
            unseen += hidden
            text = element.text
        else:
            unseen -= hidden
            text = element.tail
        if element.tag not in _INLINE:
            parts.append("\n")
        if text and not unseen:
            parts.append(" ".join(text.split("\n")))
    return "".join(parts)
