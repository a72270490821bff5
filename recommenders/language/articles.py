"""From what was extracted to what is stored: rows of `articles`, near-duplicates marked."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from recommenders.language.dates import plausible
from recommenders.language.duplicates import bands, says_the_same, signature
from recommenders.language.extraction import Extracted
from recommenders.store import articles as stored
from recommenders.store.articles import ArticleRow, Likeness, Saved

LIKENESS = Likeness(same=says_the_same, bands_of=lambda text: bands(signature(text)).tolist())


def as_row(
    article: Extracted,
    *,
    source: str,
    fetched_at: datetime,
    site_id: int | None = None,
    published_at: datetime | None = None,
) -> ArticleRow:
    """An extracted article as a row. `published_at`: what its feed says, which counts more than the page.

    A date after `fetched_at` is none.
    """
    moment = plausible(published_at, fetched_at) or plausible(article.published_at, fetched_at)
    return ArticleRow(
        source=source,
        url=article.key,
        fetched_at=fetched_at,
        published_at=min(moment, fetched_at) if moment else None,
        title=article.title,
        text=article.text,
        content_hash=article.content_hash,
        author=article.author,
        language=article.language,
        site_id=site_id,
        bands=article.bands,
    )


def save_articles(connection: sa.Connection, rows: Sequence[ArticleRow]) -> Saved:
    """Store articles in the caller's transaction; see `store.articles.save_articles`."""
    return stored.save_articles(connection, rows, LIKENESS)
