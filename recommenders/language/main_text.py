"""The text of a page that is its article's: without menus, comments, advertisements, what else is on the site."""

import copy
import logging
import re

from lxml.html import HtmlElement

from recommenders.language.markup import text_of

COVERED = 0.85  # of the letters that the page marks as its article; where fewer are found, the mark is believed
LINES = 0.3  # of their lines
FEW_LINES = 5

_BODY_CLASSES = frozenset(["entry-content", "post-content", "e-content", "article-body"])
_APART = frozenset(["nav", "aside", "footer", "form", "button", "dialog", "menu"])
_APART_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:share|sharing|sharedaddy|social|related|recommended|sidebar|comments?|comment-list|respond|"
    r"newsletter|subscribe|breadcrumbs?|pagination|pager|post-nav|author-box|advert|ads|promo|cookie)(?:$|[\s_-])",
    re.IGNORECASE,
)


def main_text(tree: HtmlElement, url: str) -> str:
    """The article's text, a line a paragraph, by trafilatura (Barbaresi 2021); empty where the page has none.

    Trafilatura leaves out what looks like a list of links or headings, or makes one line of it, and for a blog about
    music that may be all there is: charts, the year's albums. So where it finds much less than lies in the one element
    that the page marks as its article, or far fewer lines, that element's text is taken.
    """
    found, body = _by_trafilatura(tree, url), _marked(tree)
    letters, lines = _extent(found)
    if body is None or (letters >= COVERED * _extent("".join(body.itertext()))[0] and lines > FEW_LINES):
        return found
    marked = _text_of(body)
    marked_letters, marked_lines = _extent(marked)
    return marked if letters < COVERED * marked_letters or lines < LINES * marked_lines else found


def _extent(text: str) -> tuple[int, int]:
    """How many letters and how many lines a text has."""
    return len("".join(text.split())), sum(bool(line.strip()) for line in text.splitlines())


def _by_trafilatura(tree: HtmlElement, url: str) -> str:
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns of every page without an article
    document = trafilatura.bare_extraction(
        tree, url=url, fast=True, include_comments=False, include_tables=True, with_metadata=False
    )
    return (document.text if document else None) or ""


def _marked(tree: HtmlElement) -> HtmlElement | None:
    """The one element that the page marks as its article; None where it marks none, or several."""
    described = tree.xpath("//*[@itemprop='articleBody' or @itemprop='reviewBody']")
    named = [each for each in tree.xpath("//*[@class]") if not _BODY_CLASSES.isdisjoint(each.get("class").split())]
    found = next((each for each in (described, named, tree.xpath("//article")) if len(each) == 1), [None])
    return found[0]


def _text_of(body: HtmlElement) -> str:
    """The text of an article's element, less what is marked as something else in it."""
    body = copy.deepcopy(body)
    for element in list(body.iter()):
        names = f"{element.get('class') or ''} {element.get('id') or ''}"
        apart = element.tag in _APART or _APART_CLASSES.search(names)
        if apart and element is not body and element.getparent() is not None:
            element.drop_tree()
    return text_of(body)
