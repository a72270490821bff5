"""Where pages lead, in the markup of the usual blogs; what an address is in its one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.addresses import absolute, same_site
from crawlers.links import links_of_article, links_of_listing
from crawlers.sitemaps import UnreadableSitemapError, read_sitemap
from recommenders.language.markup import parse_page

HERE = "https://blog.example/"

# The end of a list of posts as these write it, and the address of what is older.
BLOGS = {
    "WordPress": (
        "<nav class='navigation posts-navigation'><div class='nav-links'><div class='nav-previous'>"
        "<a href='https://blog.example/page/2/'>Older posts</a></div></div></nav>",
        "https://blog.example/page/2/",
    ),
    "Blogger": (
        "<div class='blog-pager'><a class='blog-pager-older-link' title='Older Posts' "
        "href='https://blog.example/search?updated-max=2026-01-02T03:04:05&amp;max-results=7'>Older Posts</a></div>",
        "https://blog.example/search?updated-max=2026-01-02T03:04:05&max-results=7",
    ),
    "Ghost": (
        "<nav class='pagination'><span class='page-number'>Page 1 of 9</span>"
        "<a class='older-posts' href='/page/2/'>Older <span>&rarr;</span></a></nav>",
        "https://blog.example/page/2/",
    ),
    "Tumblr": ("<div id='pages'><a href='/page/2'>&raquo;</a></div>", "https://blog.example/page/2"),
    "Jekyll": ("<div class='pager'><a href='/page2/'>Next</a></div>", "https://blog.example/page2/"),
    "Hugo": (
        "<ul class='pagination'><li class='page-item'><a class='page-link' href='/page/2/'>&raquo;</a></li></ul>",
        "https://blog.example/page/2/",
    ),
    "Squarespace": (
        "<div class='older'><a href='/?offset=1767225600000'>Older</a></div>",
        "https://blog.example/?offset=1767225600000",
    ),
    "by hand": ("<p><a href='index2.html'>earlier posts</a></p>", "https://blog.example/index2.html"),
    "archives": ("<ul><li><a href='/2025/11/'>November 2025</a></li></ul>", "https://blog.example/2025/11/"),
}


@pytest.mark.parametrize("name", BLOGS)
def test_the_older_posts_of_the_usual_blogs_are_found(name: str) -> None:
    end, older = BLOGS[name]
    page = f"""<html><head><link rel='stylesheet' href='/style.css'></head><body>
        <header><a href='/'>Home</a><a href='/about/'>About</a></header>
        <nav><a href='/category/news/'>News</a><a href='/shop/'>Shop</a></nav>
        <article><h2><a href='/2026/03/a-quiet-record/'>A quiet record</a></h2>
          <a href='/tag/folk/'>folk</a><a href='/author/anna/'>Anna</a><a href='/cover.jpg'><img src='/cover.jpg'></a>
          <a href='https://label.example/record'>Buy it</a><a href='mailto:anna@blog.example'>Write</a></article>
        <article><h2><a href='/?p=123'>A loud record</a></h2><a href='/?p=123#comments'>3 comments</a></article>
        {end}<footer><a href='/imprint'>Imprint</a></footer></body></html>"""
    links = links_of_listing(parse_page(page), HERE, HERE)
    assert links.further == (older,)
    assert links.articles == ("https://blog.example/2026/03/a-quiet-record/", "https://blog.example/?p=123")


def test_an_article_leads_to_the_one_before_and_the_one_after() -> None:
    page = "<body><p>Text</p><a rel='prev' href='/a'>A</a><a rel='next' href='/c'>C</a><a href='/d'>D</a></body>"
    links = links_of_article(parse_page(page), f"{HERE}b", f"{HERE}b")
    assert links.articles == ("https://blog.example/a", "https://blog.example/c")


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("a?utm_source=x&id=3#top", "https://blog.example/a?id=3"),
        ("//Blog.Example:443/A", "https://blog.example/A"),
        ("a;jsessionid=4F2?PHPSESSID=1", "https://blog.example/a"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("?replytocom=5", "https://blog.example/"),
        ("javascript:alert(1)", None),
        ("mailto:a@b.example", None),
        ("file:///etc/passwd", None),
        ("http://[::1", None),
        ("http://", None),
    ],
)
def test_an_address_has_one_spelling(link: str, address: str | None) -> None:
    assert absolute(link, HERE) == address


@given(st.text(max_size=60))
def test_the_one_spelling_of_an_address_is_its_own(link: str) -> None:
    address = absolute(link, HERE)
    if address is not None:
        assert absolute(address, HERE) == address
        assert address.isascii()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://blog.example/", "http://www.blog.example/a", True),
        ("https://blog.example/", "https://music.blog.example/a", True),
        ("https://a.blogspot.com/", "https://b.blogspot.com/", False),
        ("https://blog.example/", "https://otherblog.example/", False),
        ("https://blog.example/", "https://blog.example.evil.example/", False),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:9000/", False),
        ("https://example/", "https://blog.example/", False),
    ],
)
def test_what_belongs_to_one_site(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same
    assert same_site(other, one) is same


def test_a_sitemap_of_news_says_when_an_article_was_published() -> None:
    body = b"""<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'
        xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>/a</loc><news:news>
        <news:publication_date>2026-03-04T05:06:07Z</news:publication_date></news:news></url></urlset>"""
    (one,) = read_sitemap(body, HERE)
    assert one.url == "https://blog.example/a"
    assert one.published_at is not None
    assert one.published_at.isoformat() == "2026-03-04T05:06:07+00:00"


@pytest.mark.parametrize("body", [b"", b"<html><body>No</body></html>", b"\x1f\x8bno", b"{}", b"\xff" * 100])
def test_what_is_no_sitemap_says_so(body: bytes) -> None:
    with pytest.raises(UnreadableSitemapError):
        read_sitemap(body, HERE)
