"""Articles, biographies and tags from files: each kind of bad page, post and line is set aside, the others load."""

import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommenders.errors import DataError
from recommenders.exchange.imports import find_landing, import_landing, import_path
from recommenders.language.tags import tags_in
from recommenders.store import Store

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
TEXT = "The second record of Ada is warm and strange; nobody else makes such dreamy music, or ever did before her."
CATALOGUE = "track_id,title,artists,artist_ids\nt1,One,Ada,a1\nt2,Two,Bob,a2\n"


def sql(store: Store, query: str) -> list[tuple]:
    """The rows of a query."""
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def page(text: str, head: str = "") -> str:
    """A page of a blog."""
    return f"""<html lang="en"><head><title>A record</title>{head}</head>
        <body><nav><a href="/">Home</a></nav><article><h1>A record</h1><p>{text}</p><p>{text}</p></article></body>
        </html>"""


def feed(*posts: str) -> str:
    """RSS of these texts."""
    items = (
        f"<item><title>Post {n}</title><link>http://blog.example/{n}</link>"
        f"<pubDate>Mon, 0{n} Jan 2024 10:00:00 GMT</pubDate><description>&lt;p&gt;{post}&lt;/p&gt;</description></item>"
        for n, post in enumerate(posts, start=1)
    )
    return f"<rss version='2.0'><channel><title>Blog</title>{''.join(items)}</channel></rss>"


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> Path:
    """Two tracks are known; a folder for files to import."""
    (tmp_path / "tracks.csv").write_text(CATALOGUE)
    import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    files = tmp_path / "files"
    files.mkdir()
    return files


def test_a_folder_of_pages_and_feeds_becomes_articles_known_by_their_addresses(store: Store, folder: Path) -> None:
    (folder / "below").mkdir()
    canonical = '<link rel="canonical" href="http://blog.example/ada"><meta name="date" content="2024-02-03">'
    (folder / "ada.html").write_text(page(TEXT, canonical))
    (folder / "below" / "bob.htm").write_text(page(TEXT.replace("Ada", "Bob and his noisy band from the north")))
    (folder / "feed.xml").write_text(
        feed("A post of its own: " + TEXT.replace("warm", "cold and short and loud"), "Short.")
    )
    (folder / "empty.html").write_text("")
    (folder / "notes.txt").write_text("not read")
    (folder / ".hidden.html").write_text(page(TEXT))
    (report,) = import_path(store, "articles", folder, now=NOW)
    assert (report.rows_read, report.rows_new, report.rows_rejected) == (5, 3, 2)
    assert report.rejected_by_reason == {"no_text": 1, "too_short": 1}
    stored = sql(
        store, "SELECT url, published_at::date::text, published_is_known, source, title FROM articles ORDER BY url"
    )
    assert stored == [
        ("http://blog.example/1", "2024-01-01", True, "import", "Post 1"),
        ("http://blog.example/ada", "2024-02-03", True, "import", "A record"),
        ("import:files/below/bob.htm", "2026-11-23", False, "import", "A record"),
    ]
    assert [row[1:] for row in sql(store, "SELECT line, reason, raw FROM rejected ORDER BY line")] == [
        ("no_text", "files/empty.html"),
        ("too_short", "http://blog.example/2"),
    ]
    (again,) = import_path(store, "articles", folder, now=NOW)
    assert (again.rows_new, again.rows_rejected) == (0, 2)
    assert sql(store, "SELECT count(*) FROM rejected") == [(2,)]


def test_a_page_that_has_become_good_is_no_longer_set_aside(store: Store, folder: Path) -> None:
    (folder / "feed.json").write_text(
        json.dumps({"items": [{"url": "http://blog.example/1", "content_text": "Short."}]})
    )
    (first,) = import_path(store, "articles", folder / "feed.json", now=NOW)
    (folder / "feed.json").write_text(json.dumps({"items": [{"url": "http://blog.example/1", "content_text": TEXT}]}))
    (second,) = import_path(store, "articles", folder / "feed.json", now=NOW)
    assert [(r.rows_new, r.rows_rejected) for r in (first, second)] == [(0, 1), (1, 0)]
    assert sql(store, "SELECT url, text FROM articles") == [("http://blog.example/1", TEXT)]


def test_what_was_crawled_is_not_replaced_by_what_a_feed_shortens(store: Store, folder: Path) -> None:
    (folder / "feed.xml").write_text(feed(TEXT + " And it goes on."))
    import_path(store, "articles", folder, now=NOW)
    with store.begin() as connection:
        connection.execute(sa.text("UPDATE articles SET source = 'crawl'"))
    (folder / "feed.xml").write_text(feed(TEXT))
    (report,) = import_path(store, "articles", folder, now=NOW)
    assert report.rows_new == 0
    assert sql(store, "SELECT source, text FROM articles") == [("crawl", TEXT + " And it goes on.")]


BROKEN = {
    "nothing.xml": (b"", "empty_feed"),
    "page.xml": (b"<other/>", "not_a_feed"),
    "noise.html": (bytes(range(1, 256)) * 100, "not_a_page"),
    "picture.html": (b"\x89PNG\r\n\x1a\n" + bytes(1_000), "not_a_page"),
    "deep.html": (b"<div>" * 10_000, "too_deep"),
    "large.html": (b"<p>" + b"x" * (9 << 20), "too_large"),
    "broken.json": (b"{", "not_a_feed"),
    "menu.html": (b"<html><body><nav>Home</nav></body></html>", "too_short"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_articles_is_set_aside_and_its_neighbours_load(store: Store, folder: Path, name: str) -> None:
    body, reason = BROKEN[name]
    (folder / name).write_bytes(body)
    (folder / "good.html").write_text(page(TEXT))
    (report,) = import_path(store, "articles", folder, now=NOW)
    assert (report.rows_new, report.rejected_by_reason) == (1, {reason: 1})
    ((line, why, source),) = sql(store, "SELECT line, reason, source FROM rejected")
    assert (line, why, source) == (sorted([name, "good.html"]).index(name) + 1, reason, str(folder))


def test_articles_have_no_other_format(store: Store, folder: Path) -> None:
    with pytest.raises(DataError, match="HetRec holds no articles"):
        import_path(store, "articles", folder, file_format="hetrec", now=NOW)


def test_biographies_are_articles_about_an_artist_or_a_track(store: Store, folder: Path) -> None:
    rows = [
        {"artist_id": "a1", "text": f"<p>{TEXT}</p> <a href='x'>Read more</a>", "language": "en", "at": "2020-01-01"},
        {"track_id": "t2", "text": "A song.", "title": "Two"},
        {"artist_id": "a1", "text": TEXT, "url": "http://encyclopedia.example/ada"},
        {"artist_id": "a9", "text": TEXT},
        {"artist_id": "a1", "track_id": "t1", "text": TEXT},
        {"text": TEXT},
        {"artist_id": "a2", "text": "<br/>"},
        {"artist_id": "a2"},
        {"artist_id": "a2", "text": "x" * 300_000},
        {"artist_id": "a2", "text": TEXT, "at": "2050-01-01"},
        {"artist_id": "a1", "text": "again"},
    ]
    path = folder / "biographies.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    (report,) = import_path(store, "biographies", path, now=NOW)
    assert (report.rows_read, report.rows_new) == (11, 3)
    assert sql(store, "SELECT line, reason FROM rejected ORDER BY line") == [
        (4, "unknown_artist"), (5, "bad_id"), (6, "missing"), (7, "missing"), (8, "missing"), (9, "text_too_long"),
        (10, "future"), (11, "duplicate_id"),
    ]  # fmt: skip
    assert sql(
        store,
        """SELECT b.url, b.text, b.language, a.name, t.title, published_is_known FROM articles b
           LEFT JOIN artists a ON artist_id = about_artist_id LEFT JOIN tracks t ON track_id = about_track_id
           WHERE source = 'biography' ORDER BY url""",
    ) == [
        ("biography:artist:a1", f"{TEXT}\nRead more", "en", "Ada", None, True),
        ("biography:artist:a1:http://encyclopedia.example/ada", TEXT, "en", "Ada", None, False),
        ("biography:track:t2", "A song.", None, None, "Two", False),
    ]
    (again,) = import_path(store, "biographies", path, now=NOW + dt.timedelta(days=1))
    assert again.rows_new == 0


def test_the_tags_of_a_file_are_added_up_for_each_artist_and_track(store: Store, folder: Path) -> None:
    path = folder / "tags.csv"
    path.write_text(
        "artist_id,track_id,tag,count,at\n"
        "a1,,shoegaze,3,2020-01-01\na1,,dream  pop,,\na1,,shoegaze,2,2021-01-01\n,t1,loud,1,\n"
        "a9,,x,1,\n,,x,1,\na1,,,1,\na1,,x,0,\na1,,x,many,\na1,,x,1,2050-01-01\n"
    )
    (report,) = import_path(store, "tags", path, now=NOW)
    assert (report.rows_read, report.rows_new, report.rows_rejected) == (10, 4, 6)
    reasons = ["unknown_artist", "missing", "missing", "negative_count", "bad_number", "future"]
    assert [reason for (reason,) in sql(store, "SELECT reason FROM rejected ORDER BY line")] == reasons
    stored = sql(store, "SELECT url, text, published_at::date::text FROM articles ORDER BY url")
    assert [(url, tags_in(text), day) for url, text, day in stored] == [
        ("tags:artist:a1", {"shoegaze": 5, "dream pop": 1}, "2021-01-01"),
        ("tags:track:t1", {"loud": 1}, "2026-11-23"),
    ]
    path.write_text("artist_id,tag,count\na1,shoegaze,6\n")
    (later,) = import_path(store, "tags", path, now=NOW)
    assert later.rows_new == 1
    assert tags_in(sql(store, "SELECT text FROM articles WHERE url = 'tags:artist:a1'")[0][0]) == {"shoegaze": 6}


def test_what_lies_in_the_landing_folder_is_imported_and_moved_away(store: Store, folder: Path) -> None:
    landing = folder / "landing"
    for name, content in {
        "articles/blog/ada.html": page(TEXT),
        "articles/blog/style.css": "p {}",
        "articles/feed.xml": feed("A post of its own: " + TEXT.replace("warm", "cold and short and loud")),
        "biographies/some.jsonl": json.dumps({"artist_id": "a1", "text": TEXT}),
        "tags/tags.csv": "artist_id,tag\na1,loud\n",
        "tags/hetrec/tags.dat": "tagID\ttagValue\n1\tmetal\n2\tcaf\xe9\n",
        "tags/hetrec/user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
        "2\ta1\t1\t1\t4\t2009\n3\ta1\t1\t31\t2\t2009\n3\ta1\t2\t1\t1\t1956\n3\ta1\t9\t1\t4\t2009\n",
    }.items():
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).write_text(content, "latin-1")
    later = NOW + dt.timedelta(days=10_000)
    waiting = find_landing(landing.as_uri(), now=later)
    assert [(file.kind, file.file_format, file.name) for file in waiting] == [
        ("tags", "own", "tags/tags.csv"),
        ("tags", "hetrec", "tags/hetrec/user_taggedartists.dat"),
        ("biographies", "own", "biographies/some.jsonl"),
        ("articles", "own", "articles/blog/ada.html"),
        ("articles", "own", "articles/feed.xml"),
    ]
    reports = import_landing(store, landing.as_uri(), now=later)
    assert [(r.rows_new, r.rejected_by_reason) for r in reports] == [
        (1, {}),
        (3, {"bad_id": 1}),
        (1, {}),
        (1, {}),
        (1, {}),
    ]
    left = {str(path.relative_to(landing)) for path in landing.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith("imported/")} == {
        "articles/blog/style.css",
        "tags/hetrec/tags.dat",
    }
    assert "imported/articles/blog/ada.html" in left
    assert sql(store, "SELECT url, text, published_at::date::text FROM articles WHERE url LIKE 'tags:hetrec%'") == [
        ("tags:hetrec:artist:a1", "metal\t2\ncafé\t1", "2009-04-01")
    ]
    assert ("import:blog/ada.html",) in sql(store, "SELECT url FROM articles")
    assert import_landing(store, landing.as_uri(), now=later) == []


def test_hetrec_tags_without_their_names_are_set_aside(store: Store, folder: Path) -> None:
    (folder / "user_taggedartists.dat").write_text("userID\tartistID\ttagID\tday\tmonth\tyear\n2\ta1\t1\t1\t4\t2009\n")
    (report,) = import_path(store, "tags", folder, file_format="hetrec", now=NOW)
    assert report.rejected_by_reason == {"missing": 1}
    assert "tags.dat" in sql(store, "SELECT detail FROM rejected")[0][0]
