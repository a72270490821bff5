"""Articles in the store: known by address, read once, near-duplicates counted once."""

import datetime as dt
import random
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from recommenders.language.articles import save_articles
from recommenders.language.duplicates import bands, signature
from recommenders.language.extraction import content_hash
from recommenders.store import Store
from recommenders.store.articles import (
    ArticleRow,
    Saved,
    article_counts,
    article_texts,
    mark_read,
    waiting_articles,
)

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def words(seed: int, n_words: int = 200) -> str:
    """A text of its own."""
    source = random.Random(seed)
    return " ".join(f"word{source.randrange(5_000)}" for _ in range(n_words))


def row(url: str, text: str, *, published_at: dt.datetime | None = None, title: str = "A title") -> ArticleRow:
    """An article from the web."""
    return ArticleRow(
        source="crawl",
        url=url,
        fetched_at=NOW,
        published_at=published_at,
        title=title,
        text=text,
        content_hash=content_hash(title, text),
        bands=tuple(bands(signature(text)).tolist()),
    )


def save(store: Store, *rows: ArticleRow) -> Saved:
    """In a transaction of its own."""
    with store.begin() as connection:
        return save_articles(connection, rows)


def waiting(store: Store, version: int = 1) -> list[int]:
    """What is to be read."""
    with store.begin() as connection:
        return waiting_articles(connection, version)


def read(store: Store, *ids: int, version: int = 1) -> None:
    """Read these articles."""
    with store.begin() as connection:
        mark_read(connection, article_texts(connection, ids), version, NOW)


def originals(store: Store) -> dict[str, str | None]:
    """The address of each article, and that of the one that it repeats."""
    query = "SELECT a.url, o.url FROM articles a LEFT JOIN articles o ON o.article_id = a.duplicate_of"
    with store.begin() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.text(query))}


def test_an_article_is_stored_once_and_an_unchanged_one_is_not_read_again(store: Store) -> None:
    saved = save(store, row("http://a/1", words(1)), row("http://a/2", words(2)))
    assert (len(saved.new), len(saved.changed), len(saved.duplicates)) == (2, 0, 0)
    assert waiting(store) == sorted(saved.ids)
    read(store, *saved.ids)
    again = save(store, row("http://a/2", words(2)), row("http://a/1", words(1)))
    assert again.ids == saved.ids[::-1]
    assert not again.new | again.changed
    assert waiting(store) == []
    assert waiting(store, version=2) == sorted(saved.ids), "a new way of reading reads everything again"


def test_a_changed_article_waits_to_be_read_again(store: Store) -> None:
    (first,) = save(store, row("http://a/1", words(1))).ids
    read(store, first)
    saved = save(store, row("http://a/1", words(3)))
    assert (saved.ids, saved.changed) == ([first], {first})
    assert waiting(store) == [first]


def test_an_article_that_changes_while_it_is_read_waits_still(store: Store) -> None:
    (first,) = save(store, row("http://a/1", words(1))).ids
    with store.begin() as connection:
        taken = article_texts(connection, [first])
    save(store, row("http://a/1", words(2)))
    with store.begin() as connection:
        mark_read(connection, taken, 1, NOW)
    assert waiting(store) == [first]


def test_the_same_press_release_on_ten_blogs_is_read_once(store: Store) -> None:
    release = words(1, 300)
    blogs = [row(f"http://blog{n}/", f"{words(50 + n, 20)} {release} {words(90 + n, 20)}") for n in range(10)]
    save(store, *blogs[:4], row("http://other/", words(2)))
    save(store, *blogs[4:])
    assert {url for url, original in originals(store).items() if original is None} == {"http://blog0/", "http://other/"}
    assert len(waiting(store)) == 2
    with store.begin() as connection:
        assert article_counts(connection) == {"crawl": 11, "duplicates": 9, "waiting": 2}


def test_of_copies_that_come_together_the_earliest_published_is_the_original(store: Store) -> None:
    save(
        store,
        row("http://late/", words(1), published_at=NOW - DAY),
        row("http://early/", words(1), published_at=NOW - 3 * DAY),
        row("http://undated/", words(1)),
    )
    assert originals(store) == {
        "http://late/": "http://early/",
        "http://early/": None,
        "http://undated/": "http://early/",
    }


def test_when_an_original_changes_its_copies_are_read_in_its_place(store: Store) -> None:
    save(store, row("http://a/", words(1)), row("http://b/", words(1)), row("http://c/", words(1) + " more"))
    save(store, row("http://a/", words(2)))
    assert originals(store) == {"http://a/": None, "http://b/": None, "http://c/": "http://b/"}
    save(store, row("http://d/", words(1)))
    assert originals(store)["http://d/"] == "http://b/"


def test_an_original_that_was_read_stays_one_when_it_becomes_a_copy(store: Store) -> None:
    ids = save(store, row("http://a/", words(1)), row("http://b/", words(2))).ids
    read(store, *ids)
    save(store, row("http://b/", words(1)))
    assert originals(store) == {"http://a/": None, "http://b/": None}


def test_a_copy_that_becomes_an_article_of_its_own_is_read(store: Store) -> None:
    first, second = save(store, row("http://a/", words(1)), row("http://b/", words(1))).ids
    assert waiting(store) == [first]
    save(store, row("http://b/", words(2)))
    assert waiting(store) == [first, second]


def test_a_date_that_is_not_known_is_that_of_the_fetch_until_it_is(store: Store) -> None:
    save(store, row("http://a/", words(1)))
    save(store, row("http://a/", words(2), published_at=NOW - DAY))
    with store.begin() as connection:
        (found,) = connection.execute(sa.text("SELECT published_at, published_is_known FROM articles")).all()
    assert tuple(found) == (NOW - DAY, True)


def test_two_rows_of_one_address_are_one_article(store: Store) -> None:
    saved = save(store, row("http://a/", words(1)), row("http://a/", words(2)))
    assert len(set(saved.ids)) == len(saved.new) == 1
    with store.begin() as connection:
        assert [article.text for article in article_texts(connection, saved.ids)] == [words(2)]


def test_two_crawls_at_once_store_each_article_once_and_find_each_others_copies(store: Store) -> None:
    def crawl(blog: int) -> list[Saved]:
        return [
            save(
                store,
                row(f"http://blog{blog}/{n}", f"{words(n, 150)} blog{blog}"),
                row(f"http://shared/{n}", words(n + 99)),
            )
            for n in range(10)
        ]

    with ThreadPoolExecutor(4) as pool:
        saved = [one for crawled in pool.map(crawl, range(4)) for one in crawled]
    assert sum(len(one.new) for one in saved) == 50
    assert sum(original is None for original in originals(store).values()) == 20
    with store.begin() as connection:
        assert article_counts(connection) == {"crawl": 50, "duplicates": 30, "waiting": 20}


def test_an_article_about_one_artist_is_never_a_copy_of_another(store: Store) -> None:
    biography = row("biography:artist:a1", words(1))
    plain = ArticleRow(**{**vars(biography), "source": "biography", "bands": ()})
    save(store, row("http://a/", words(1)), plain, ArticleRow(**{**vars(plain), "url": "biography:artist:a2"}))
    assert set(originals(store).values()) == {None}
