"""`mixtape sites`: what is read, by command."""

import pytest
from typer.testing import CliRunner

from recommenders.cli import app
from recommenders.cli.sites import guessed_kind
from recommenders.store import Store
from recommenders.store.reading import site_states
from tests.crawlers.blog import Answer, rss, serve
from tests.crawlers.crawling import articles, crawl


@pytest.fixture
def mixtape(store: Store, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands on the test's own database."""
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", store.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "250")
    return CliRunner()


def test_a_site_is_added_crawled_listed_and_removed_and_its_articles_stay(store: Store, mixtape: CliRunner) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a"), "application/rss+xml")
        blog.post("/a", "A quiet record")
        added = mixtape.invoke(app, ["sites", "add", f"{blog.url}/feed.xml", "--name", "Quiet", "--allow-private"])
        assert added.exit_code == 0, added.output
        with store.begin() as connection:
            (state,) = site_states(connection)
        assert (state.name, state.kind, state.url) == ("Quiet", "feed", f"{blog.url}/feed.xml")
        crawl(store, 1)
        listed = mixtape.invoke(app, ["sites", "list"])
        assert "Quiet" in listed.output
        assert "finished" in listed.output
        removed = mixtape.invoke(app, ["sites", "remove", "Quiet"])
        assert removed.exit_code == 0, removed.output
    with store.begin() as connection:
        assert not site_states(connection)
    assert articles(store) == [f"{blog.url}/a"]


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://blog.example/feed", "http://user:secret@blog.example/", "http://", "gopher://x"],
)
def test_what_can_not_be_crawled_is_not_added(store: Store, mixtape: CliRunner, address: str) -> None:
    result = mixtape.invoke(app, ["sites", "add", address])
    assert result.exit_code != 0
    assert "can't be crawled" in str(result.exception)
    with store.begin() as connection:
        assert not site_states(connection)


def test_to_remove_what_there_is_not_says_so(store: Store, mixtape: CliRunner) -> None:
    result = mixtape.invoke(app, ["sites", "remove", "Nobody"])
    assert "There is no site Nobody" in str(result.exception)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://blog.example/feed/", "feed"),
        ("https://blog.example/rss", "feed"),
        ("https://blog.example/atom.xml", "feed"),
        ("https://blog.example/feed.json", "feed"),
        ("https://blog.example/sitemap.xml", "sitemap"),
        ("https://blog.example/sitemap_index.xml.gz", "sitemap"),
        ("https://blog.example/", "pages"),
        ("https://blog.example/reviews", "pages"),
        ("https://blog.example/feedback", "pages"),
    ],
)
def test_what_a_site_is_can_be_told_from_its_address(address: str, kind: str) -> None:
    assert guessed_kind(address) == kind
