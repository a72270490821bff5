"""From stored articles to mentions, dated terms and vectors, whatever dies on the way and however often it is read."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from recommenders.language import learning, reading
from recommenders.language.articles import LIKENESS
from recommenders.language.parameters import ReadingParameters
from recommenders.language.tags import tags_as_text
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from recommenders.store.articles import ArticleRow, save_articles
from recommenders.store.top_terms import top_terms

NOW = dt.datetime(2026, 11, 23, 4, tzinfo=dt.UTC)
TODAY = NOW.date()
EVERYTHING = """
SELECT 'mention', m.article_id, m.position, m.artist_id, m.track_id, m.sentiment::text FROM mentions m
UNION ALL
SELECT 'term', t.entity_id, a.rank::int, t.articles, NULL, w.term || ' ' || w.kind || ' ' || a.weight
FROM top_terms t, unnest(t.term_ids, t.weights) WITH ORDINALITY a (term_id, weight, rank) JOIN terms w USING (term_id)
ORDER BY 1, 2, 3, 4, 5, 6
"""


def article(number: int, title: str, text: str, **facts: Any) -> ArticleRow:
    """An article of `number` days ago."""
    values: dict[str, Any] = {
        "source": "crawl",
        "url": f"https://blog.example/{number}",
        "fetched_at": NOW,
        "published_at": NOW - dt.timedelta(days=number),
        "title": title,
        "text": text,
        "content_hash": hash((title, text)) % 2**62,
        "author": None,
        "language": "en",
        "site_id": None,
        "bands": (),
    }
    return ArticleRow(**values | facts)


def add_artists(store: Store, *names: str) -> None:
    """Artists with the ids 1, 2, ... (or further ones)."""
    with store.begin() as connection:
        for name in names:
            connection.execute(
                sa.text("INSERT INTO artists (name, name_key) VALUES (:name, lower(:name))"), {"name": name}
            )


def save(store: Store, *rows: ArticleRow) -> None:
    """Store the articles."""
    with store.begin() as connection:
        save_articles(connection, rows, LIKENESS)


def read(store: Store, artifacts: Artifacts, **parameters: Any) -> int:
    """Read all that waits, weigh and place it; how many articles that were."""
    batches = reading.plan(store, artifacts, ReadingParameters(**parameters), now=NOW)
    done = sum(reading.read(store, artifacts, batch, now=NOW)["articles"] for batch in batches)
    learning.weigh(store, TermParameters(), TODAY)
    learning.place(store, artifacts, run_key="test", now=NOW)
    return done


def rows(store: Store, query: str = EVERYTHING) -> list[tuple[Any, ...]]:
    """What is stored."""
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def words(store: Store, artist_id: int, kind: str = "word") -> list[str]:
    """The top terms of an artist."""
    with store.begin() as connection:
        return [term.term for term in top_terms(connection, "artist", artist_id, TODAY, [kind])]


@pytest.fixture
def library(store: Store) -> Store:
    """Two artists, four articles."""
    add_artists(store, "Velvet Harbour", "Copper Lanterns")
    save(
        store,
        article(1, "Velvet Harbour return", "Velvet Harbour play woozy shoegaze. The new songs are beautiful."),
        article(2, "A night out", "Copper Lanterns were loud, a brass band with stomping rhythms."),
        article(3, "Two bands", "We saw Velvet Harbour. Their woozy guitars shimmer. Copper Lanterns stomped."),
        article(4, "Gardening", "The roses are in bloom."),
    )
    return store


def test_an_article_becomes_mentions_terms_and_vectors(library: Store, artifacts: Artifacts) -> None:
    add_artists(library, "Paper Foxes")
    save(library, article(5, "Paper Foxes", "Paper Foxes play woozy shoegaze with stomping rhythms and brass."))
    assert read(library, artifacts) == 5
    mentioned = rows(
        library,
        """SELECT right(url, 1), artist_id, count(*) FROM mentions JOIN articles USING (article_id)
           GROUP BY 1, 2 ORDER BY 1, 2""",
    )
    assert mentioned == [("1", 1, 2), ("2", 2, 1), ("3", 1, 1), ("3", 2, 1), ("5", 3, 2)]
    assert "woozy" in words(library, 1)
    assert "shoegaze" in words(library, 1) and "shoegaze" not in words(library, 2)
    assert "velvet harbour" in [term.casefold() for term in words(library, 2, "artist")]
    assert rows(library, "SELECT artist_id FROM artist_vectors WHERE kind = 'text' ORDER BY 1") == [(1,), (2,), (3,)]


def test_nothing_is_read_twice_and_nothing_new_costs_nothing(library: Store, artifacts: Artifacts) -> None:
    read(library, artifacts)
    before = rows(library)
    assert read(library, artifacts) == 0
    assert rows(library) == before


def test_batches_in_any_order_a_batch_read_twice_and_all_at_once_give_the_same(
    library: Store, artifacts: Artifacts
) -> None:
    batches = reading.plan(library, artifacts, ReadingParameters(batch_articles=1), now=NOW)
    assert len(batches) == 4
    for batch in [*reversed(batches), batches[2], batches[0]]:
        reading.read(library, artifacts, batch, now=NOW)
    learning.weigh(library, TermParameters(), TODAY)
    one_by_one = rows(library)
    read(library, artifacts, read_again_days=30)
    assert rows(library) == one_by_one


def test_an_artist_who_joins_the_catalogue_later_is_found_when_asked_for(library: Store, artifacts: Artifacts) -> None:
    save(library, article(5, "Support act", "Paper Foxes opened, all glockenspiels and whispers."))
    read(library, artifacts)
    add_artists(library, "Paper Foxes")
    assert read(library, artifacts) == 0
    assert read(library, artifacts, read_again_days=4) == 4
    assert words(library, 3) == []
    assert read(library, artifacts, read_again_days=6) == 5
    assert "glockenspiels" in " ".join(words(library, 3))


def test_an_article_that_was_changed_says_what_it_says_now(library: Store, artifacts: Artifacts) -> None:
    read(library, artifacts)
    save(library, article(2, "A night out", "Copper Lanterns were gentle, a harp and nothing more."))
    assert read(library, artifacts) == 1
    assert "harp" in words(library, 2)
    assert "brass" not in words(library, 2)


def test_biographies_and_tags_are_about_one_artist_whoever_they_mention(library: Store, artifacts: Artifacts) -> None:
    save(
        library,
        article(
            7,
            "Copper Lanterns",
            "Copper Lanterns met in a tuba class. They admire Velvet Harbour.",
            source="biography",
            about_artist_id=2,
        ),
        article(8, "Velvet Harbour", tags_as_text({"dream pop": 40, "autumn": 2}), source="tags", about_artist_id=1),
    )
    read(library, artifacts)
    assert "tuba" in words(library, 2) and "tuba" not in words(library, 1)
    assert "dream pop" in words(library, 1, "phrase")
    assert not rows(library, "SELECT 1 FROM mentions WHERE article_id > 4")


def test_a_first_reading_has_top_terms_of_the_weeks_before_so_that_what_rises_is_seen(
    library: Store, artifacts: Artifacts
) -> None:
    for week in range(1, 11):
        save(library, article(7 * week, f"Week {week}", "Velvet Harbour play shoegaze, as ever."))
    read(library, artifacts)
    days = [day for (day,) in rows(library, "SELECT DISTINCT as_of FROM top_terms ORDER BY 1")]
    assert days == [TODAY - dt.timedelta(weeks=week) for week in range(8, -1, -1)]
    earlier = rows(library, f"SELECT articles FROM top_terms WHERE entity_id = 1 AND as_of = '{days[0]}'")
    assert earlier == [(3,)]  # of weeks 8, 9 and 10


@pytest.mark.parametrize(
    ("until", "days_ago"),
    [
        (None, [56, 49, 42, 35, 28, 21, 14, 7, 0]),
        (0, [0]),
        (1, [0]),
        (7, [0]),
        (8, [1, 0]),
        (21, [14, 7, 0]),
        (-1, [0]),
    ],
)
def test_weeks_that_nobody_weighed_are_caught_up(until: int | None, days_ago: list[int]) -> None:
    last = None if until is None else TODAY - dt.timedelta(days=until)
    assert learning.days_to_weigh(last, TODAY) == [TODAY - dt.timedelta(days=days) for days in days_ago]
