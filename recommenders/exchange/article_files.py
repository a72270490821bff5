"""Articles from files: pages of HTML, feeds, folders of both."""

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recommenders.exchange.loading import Counts, ImportReport, as_table
from recommenders.exchange.rejections import Reason, Rejection, is_unfinished, readable
from recommenders.language.articles import as_row, save_articles
from recommenders.language.extraction import MOST_BYTES as LARGEST_PAGE
from recommenders.language.extraction import NoTextError, Refusal, extract, from_entry
from recommenders.language.feeds import MOST_BYTES as LARGEST_FEED
from recommenders.language.feeds import Feed, UnreadableFeedError, parse_feed
from recommenders.store import Store
from recommenders.store.articles import ArticleRow
from recommenders.store.database import advisory_lock
from recommenders.store.imports import ImportedFile, add_new_rows, begin_import, finish_import, set_aside
from recommenders.timing import Stage

KIND = "articles"
AT_ONCE = 100  # files in one transaction

_PAGES = (".html", ".htm", ".xhtml", ".shtml")
_FEEDS = (".xml", ".rss", ".atom", ".rdf", ".json")


def is_article_name(name: str) -> bool:
    """Whether a file of this name can hold articles."""
    return name.lower().endswith((*_PAGES, *_FEEDS)) and not is_unfinished(name)


@dataclass(frozen=True)
class _File:
    """A file of articles, and the name by which its pages are known where they name no address of their own."""

    path: Path
    name: str


def import_articles(
    store: Store,
    path: Path,
    source: str,
    *,
    name: str | None = None,
    now: dt.datetime,
    progress: Callable[[int], None] | None = None,
    run_key: str | None = None,
) -> ImportReport:
    """Import a page or a feed, or all of them in a folder and below, known as `source`; `name`: a single file's.

    An article is known by the address that its page or feed names, else by its file's name. What holds no article is
    set aside in `rejected`; a line of that is a file of the folder, or a post of the feed. `progress` is called with
    the number of files done.
    """
    stage = Stage(f"import {KIND} from {source}")
    files = list(_files(path)) if path.is_dir() else [_File(path, name or path.name)]
    known_as = ImportedFile(KIND, source, _hash(files))
    with store.begin() as connection:
        advisory_lock(connection, "import")
        import_id = begin_import(connection, known_as, now, run_key)
    counts = Counts()
    for first in range(0, len(files), AT_ONCE):
        some = files[first : first + AT_ONCE]
        rows, rejected = _read(some, first + 1 if path.is_dir() else None, now)
        last = first + len(some) if path.is_dir() else None
        with store.begin() as connection:
            advisory_lock(connection, "import")
            saved = save_articles(connection, rows)
            set_aside(connection, known_as, first + 1 if path.is_dir() else 0, last, as_table(rejected), now)
            add_new_rows(connection, import_id, len(saved.new | saved.changed))
        counts.read += len(rows) + len(rejected)
        counts.rejected.update(rejection.reason for rejection in rejected)
        if progress:
            progress(len(some))
    seconds = stage.done(counts.read, "articles", counts.in_words())
    with store.begin() as connection:
        finished_at = now + dt.timedelta(seconds=seconds)
        counts.new = finish_import(connection, import_id, finished_at, counts.read, counts.rejected.total())
    return counts.report(known_as, seconds)


def _files(folder: Path) -> Iterator[_File]:
    """The files of articles in the folder and below, by name."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(filter(is_article_name, names)):
            path = Path(parent) / name
            yield _File(path, os.fsencode(f"{folder.name}/{path.relative_to(folder)}").decode(errors="replace"))


def _hash(files: list[_File]) -> str:
    """Of the file's content, or of the names, sizes and times of many."""
    if len(files) == 1:
        with files[0].path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    facts = ((file.name, (stat := file.path.stat()).st_size, stat.st_mtime_ns) for file in files)
    return hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()


def _read(files: list[_File], first_line: int | None, now: dt.datetime) -> tuple[list[ArticleRow], list[Rejection]]:
    """The articles of the files, and what is set aside: by file from `first_line` on, or (None) by post of the feed."""
    rows: list[ArticleRow] = []
    rejected: list[Rejection] = []
    for place, file in enumerate(files):
        for number, outcome in enumerate(_articles(file, now), start=1):
            if isinstance(outcome, ArticleRow):
                rows.append(outcome)
                continue
            reason, detail, raw = outcome
            line = number if first_line is None else first_line + place
            detail = detail if first_line is None else f"{file.name}: {detail}"
            rejected.append(Rejection(line, Reason(reason), readable(detail), readable(raw)))
    return rows, rejected


_Outcome = ArticleRow | tuple[str, str, str]


def _articles(file: _File, now: dt.datetime) -> Iterator[_Outcome]:
    """Each article of a file, or why there is none: a reason, what is wrong, and where."""
    size = file.path.stat().st_size
    largest = max(LARGEST_PAGE, LARGEST_FEED)
    if size > largest:
        yield Refusal.TOO_LARGE, f"{size:,} bytes; the most are {largest:,}", file.name
        return
    body = file.path.read_bytes()
    if file.path.suffix.lower() in _PAGES or b"<html" in body[:2_000].lower():
        yield _page(body, file.name, now)
        return
    try:
        feed = parse_feed(body)
    except UnreadableFeedError as error:
        yield error.refusal, str(error), file.name
        return
    yield from _posts(feed, file.name, now)


def _page(body: bytes, name: str, now: dt.datetime) -> _Outcome:
    try:
        return as_row(extract(body, f"import:{name}"), source="import", fetched_at=now)
    except NoTextError as error:
        return error.refusal, str(error), name


def _posts(feed: Feed, name: str, now: dt.datetime) -> Iterator[_Outcome]:
    for number, entry in enumerate(feed.entries, start=1):
        url = entry.url or f"import:{name}#{number}"
        try:
            article = from_entry(entry, url, language=feed.language)
            yield as_row(article, source="import", fetched_at=now, published_at=entry.published_at)
        except NoTextError as error:
            yield error.refusal, str(error), url
