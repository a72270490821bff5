"""Reading: from articles that wait to whom they mention, and in which words.

`plan` gathers the names and says which articles wait; `read` reads a batch of them. A batch is one transaction, and an
article that is read again gives the same, so that a task may be killed and tried again.
"""

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from recommenders.language.gazetteer import Gazetteer
from recommenders.language.mentions import Mention, find_mentions
from recommenders.language.parameters import MOST_BATCHES, ReadingParameters
from recommenders.language.tags import tags_in
from recommenders.language.terms import EntityKind, EntityTerms, terms_of, terms_of_biography, terms_of_tags
from recommenders.store import Artifacts, Store
from recommenders.store.articles import ArticleText, article_texts, mark_read, mark_unread, waiting_articles
from recommenders.store.mentions import put_mentions, read_names
from recommenders.store.names import artist_names, track_titles
from recommenders.store.terms import put_article_terms
from recommenders.timing import Stage

READ_VERSION = 1  # what an older version has read waits again
GAZETTEER = "reading/gazetteer"


def plan(store: Store, artifacts: Artifacts, parameters: ReadingParameters, now: dt.datetime) -> list[list[int]]:
    """The articles that wait, in batches, by id; the names that they may mention are gathered for `read`."""
    stage = Stage("gather names")
    with store.begin() as connection:
        if parameters.read_again_days:
            mark_unread(connection, since=now - dt.timedelta(days=parameters.read_again_days))
        waiting = waiting_articles(connection, READ_VERSION, parameters.most_articles)
        names = read_names(connection) if waiting else None
    if names is None:
        stage.done(0, "names", "nothing waits to be read")
        return []
    gazetteer = Gazetteer.build(*names)
    artifacts.write(GAZETTEER, pa.table({"names": [gazetteer.to_bytes()]}))
    stage.done(len(gazetteer), "names", f"{len(waiting):,} articles wait")
    size = max(parameters.batch_articles, -(-len(waiting) // MOST_BATCHES))
    return [waiting[start : start + size] for start in range(0, len(waiting), size)]


def label(batch: Sequence[int]) -> str:
    """What a batch is called."""
    return f"{len(batch)} articles from {batch[0]} on"


def read(store: Store, artifacts: Artifacts, batch: Sequence[int], now: dt.datetime) -> dict[str, int]:
    """Read a batch of articles; how many, and what was found in them."""
    stage = Stage(f"read {label(batch)}")
    gazetteer = _names(artifacts)
    with store.begin() as connection:
        articles = article_texts(connection, batch)
        mentioned = {
            article.article_id: find_mentions(article.title, article.text, gazetteer, article.language)
            for article in articles
            if _about(article) is None
        }
        said = _said(connection, articles, mentioned)
        n_mentions = put_mentions(connection, mentioned)
        put_article_terms(
            connection,
            [article.article_id for article in articles],
            [_said_at(article).date() for article in articles],
            [said[article.article_id] for article in articles],
        )
        mark_read(connection, articles, READ_VERSION, now)
    n_terms = sum(len(one.masses) for some in said.values() for one in some)
    stage.done(len(articles), "articles", f"{n_mentions:,} mentions, {n_terms:,} terms")
    return {"articles": len(articles), "mentions": n_mentions, "terms": n_terms}


def _said(
    connection: sa.Connection, articles: Sequence[ArticleText], mentioned: dict[int, list[Mention]]
) -> dict[int, list[EntityTerms]]:
    """What each article says of whom."""
    artists = {mention.artist_id for some in mentioned.values() for mention in some}
    artists |= {article.about_artist_id for article in articles if article.about_artist_id is not None}
    tracks = {article.about_track_id for article in articles if article.about_track_id is not None}
    names, titles = artist_names(connection, artists), track_titles(connection, tracks)
    said = {}
    for article in articles:
        about = _about(article)
        if about is None:
            mentions = mentioned[article.article_id]
            said[article.article_id] = terms_of(article.title, article.text, mentions, article.language, names)
        elif article.source == "tags":
            said[article.article_id] = [terms_of_tags(tags_in(article.text), about)]
        else:
            own = names.get(about[1]) if about[0] is EntityKind.ARTIST else titles.get(about[1])
            said[article.article_id] = [terms_of_biography(article.text, about, article.language, [own or ""])]
    return said


def _about(article: ArticleText) -> tuple[EntityKind, int] | None:
    """Whom all of an article is about; None where it may mention anybody."""
    if article.about_track_id is not None:
        return EntityKind.TRACK, article.about_track_id
    if article.about_artist_id is not None:
        return EntityKind.ARTIST, article.about_artist_id
    return None


def _said_at(article: ArticleText) -> dt.datetime:
    """From when on what an article says decays. Tags and biographies stand until they are replaced, however old."""
    return article.published_at if _about(article) is None else article.fetched_at


def _names(artifacts: Artifacts) -> Gazetteer:
    """The names as `plan` gathered them; raises ArtifactError where they are lost."""
    table, _ = artifacts.read(f"{artifacts.url}/{GAZETTEER}.parquet")
    return Gazetteer.from_bytes(table["names"][0].as_py())
