"""The invented blogs that write about the demo's artists: who writes what of whom and when, and the truth of it.

How their pages look is in `blog_pages.py`, the server in `blog_server.py`.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from recommenders.demo.genres import PLAIN_NAMES
from recommenders.demo.posts import Draft, Planted, Writer, planted_words
from recommenders.demo.prose import Prose, Span, joined
from recommenders.demo.world import World

UNWRITTEN_SHARE, SELDOM_SHARE, OFTEN_SHARE = 0.15, 0.1, 0.07
FEWEST_ARTICLES, MOST_ARTICLES = 5, 6  # of an artist that is neither unwritten of, nor seldom or often written about
SLATINGS, LETTERS = 0.03, 0.06  # as shares of the other posts
AHEAD = dt.timedelta(weeks=1)
RISING_WORDS = ("theremin", "celesta", "sousaphone")
RISING_DAYS = (-10, -5, 2)  # from the end of the world's weeks


class Form(StrEnum):
    """How a blog lets itself be read."""

    RSS = "rss"
    ATOM = "atom"
    JSON = "json"
    SITEMAP = "sitemap"
    PAGES = "pages"
    QUERY_PAGES = "query pages"
    BROKEN_RSS = "broken rss"
    RDF = "rdf"


@dataclass(frozen=True)
class Blog:
    """A blog; `slug` names it in addresses. `kind` is what `sites` calls it. `robots` is its robots.txt."""

    name: str
    slug: str
    form: Form
    share: float
    genres: tuple[str, ...]
    marks: tuple[str, str] = ("“", "”")
    accents: bool = False
    robots: str = "User-agent: *\nDisallow:\n"

    @property
    def kind(self) -> str:
        """How a crawl begins: feed, sitemap or pages."""
        if self.form in (Form.PAGES, Form.QUERY_PAGES):
            return "pages"
        return "sitemap" if self.form is Form.SITEMAP else "feed"


BLOGS = (
    Blog("Paper Lantern Weekly", "paper-lantern", Form.RSS, 1.2, ("dream pop", "indie rock", "ambient", "soul")),
    Blog("Honey & Wire", "honey-and-wire", Form.ATOM, 1.2, ("techno", "synthwave", "ambient", "hip hop")),
    Blog("The Overgrown Path", "overgrown-path", Form.JSON, 1.0, ("bluegrass", "nordic folk", "jazz"), accents=True),
    Blog(
        "Drum & Saucer",
        "drum-and-saucer",
        Form.SITEMAP,
        1.1,
        ("jazz", "bossa nova", "soul", "hip hop", "children's songs"),
        marks=('"', '"'),
    ),
    Blog("Nightbus Notes", "nightbus", Form.PAGES, 1.0, ("indie rock", "doom metal", "techno"), marks=("‘", "’")),
    Blog(
        "Low Ceilings",
        "low-ceilings",
        Form.QUERY_PAGES,
        0.8,
        ("doom metal", "indie rock", "hip hop", "dream pop"),
        robots="User-agent: *\nDisallow: /drafts/\nDisallow: /*?print=\nCrawl-delay: 0.1\n",
    ),
    Blog("Scratched Runout", "scratched-runout", Form.BROKEN_RSS, 0.5, ("synthwave", "children's songs", "bluegrass")),
    Blog("Second Post Newsdesk", "second-post", Form.RDF, 0.4, ()),
)
NEWSDESK = len(BLOGS) - 1


@dataclass(frozen=True)
class Post:
    """A post of a blog, and the truth of it.

    `mentions` are offsets into the title, a line feed, and `text`. `duplicate_of` is the number of the post that said
    the same before. `negative`: it likes nothing about its artist.
    """

    number: int
    blog: int
    slug: str
    author: str
    published_at: dt.datetime
    kind: str
    title: Prose
    paragraphs: tuple[Prose, ...]
    headings: frozenset[int]
    duplicate_of: int | None = None

    @property
    def text(self) -> str:
        """The paragraphs, a line each."""
        return "\n".join(paragraph.text for paragraph in self.paragraphs)

    @property
    def mentions(self) -> tuple[Span, ...]:
        """Every name of an artist or a song, in order."""
        return joined([self.title, *self.paragraphs], "\n").spans

    @property
    def negative(self) -> bool:
        """Whether it likes nothing about its artist."""
        return self.kind == "slating"


@dataclass(frozen=True)
class Rise:
    """A word that is said of an artist from a day on, and never before."""

    artist: int
    word: str
    day: dt.date


@dataclass(frozen=True)
class Blogs:
    """The blogs with their posts, ascending in time; artists and tracks are indices into the world's."""

    blogs: tuple[Blog, ...]
    posts: tuple[Post, ...]
    planted: dict[int, tuple[Planted, ...]]
    rises: tuple[Rise, ...]
    start: dt.datetime
    end: dt.datetime

    def visible(self, blog: int, now: dt.datetime) -> list[Post]:
        """What a blog shows at `now`, the latest first."""
        return [post for post in reversed(self.posts) if post.blog == blog and post.published_at <= now]

    def articles_about(self, now: dt.datetime) -> dict[int, int]:
        """How many different articles name each artist up to `now`, by artist."""
        counts: dict[int, int] = {}
        for post in self.posts:
            if post.duplicate_of is None and post.published_at <= now:
                for artist in {span.artist for span in post.mentions}:
                    counts[artist] = counts.get(artist, 0) + 1
        return counts


@dataclass(frozen=True)
class _Planned:
    """A post that waits for its date: of which blog, and on which day if that is not free."""

    blog: int
    kind: str
    draft: Draft
    at: dt.datetime | None = None
    copy_of: int | None = None


def make_blogs(world: World) -> Blogs:
    """The blogs of the demo service: posts of its weeks and of the week ahead. The same world gives the same bytes."""
    rng = np.random.default_rng(np.random.SeedSequence([world.seed, 5]))
    writers = [Writer(world, rng, blog.accents, blog.marks) for blog in BLOGS]
    for writer in writers[1:]:
        writer.said = writers[0].said
    start = world.now - dt.timedelta(weeks=world.weeks)
    wanted = _wanted(world, rng)
    written = np.flatnonzero(wanted)
    planned = _regular_posts(world, wanted.copy(), writers, rng)
    n_slatings, n_letters = (round(len(planned) * share) for share in (SLATINGS, LETTERS))
    for _ in range(n_slatings):
        blog = int(rng.integers(NEWSDESK))
        planned.append(_Planned(blog, "slating", writers[blog].slating(int(rng.choice(written)))))
    for _ in range(n_letters):
        blog = int(rng.integers(NEWSDESK))
        planned.append(_Planned(blog, "letter", writers[blog].letter()))
    rises = _rises(world, wanted, rng)
    for rise in rises:
        planned += _rising_posts(rise, np.flatnonzero(wanted >= FEWEST_ARTICLES), writers, rng)
    return Blogs(
        blogs=BLOGS,
        posts=_dated(planned, start, world.now + AHEAD, writers[0], rng),
        planted={int(artist): planted_words(world, int(artist)) for artist in written},
        rises=rises,
        start=start,
        end=world.now + AHEAD,
    )


def _wanted(world: World, rng: np.random.Generator) -> np.ndarray:
    """(n_artists,) int64: in how many articles each artist is to be written about; nobody writes about some."""
    n = len(world.artists.ids)
    wanted = rng.integers(FEWEST_ARTICLES, MOST_ARTICLES + 1, n)
    order = rng.permutation(n)
    n_none, n_few, n_many = (round(n * share) for share in (UNWRITTEN_SHARE, SELDOM_SHARE, OFTEN_SHARE))
    wanted[order[:n_none]] = 0
    wanted[order[n_none : n_none + n_few]] = rng.integers(1, 4, n_few)
    wanted[order[n - n_many :]] *= 2
    for number, name in enumerate(world.artists.names):
        if name in PLAIN_NAMES.values():
            wanted[number] = MOST_ARTICLES
    return wanted


def _regular_posts(
    world: World, left: np.ndarray, writers: Sequence[Writer], rng: np.random.Generator
) -> list[_Planned]:
    """Posts until everybody has been written about as often as wanted."""
    planned: list[_Planned] = []
    often = np.flatnonzero(left >= FEWEST_ARTICLES)
    genre_names = np.array(world.truth.genres)[world.artists.genre]
    shares = np.array([blog.share for blog in BLOGS[:NEWSDESK]])
    while left.any():
        blog = int(rng.choice(NEWSDESK, p=shares / shares.sum()))
        ours = np.isin(genre_names, BLOGS[blog].genres)
        first = _drawn(left * (ours if (left * ours).any() else 1), 1, rng)[0]
        near = ours & (genre_names == genre_names[first])
        kind = str(rng.choice(KINDS, p=KIND_SHARES))
        room = {"round-up": 4, "guide": 3, "concert": 1}.get(kind, 0)
        rest = left.copy()
        rest[first] = 0
        along = _drawn(rest * (near if kind != "round-up" else ours), room, rng)
        if len(along) < room:
            kind, along = "review", []
        about = [first, *along]
        left[about] -= 1
        others = [int(a) for a in rng.choice(often, 3) if a not in about][:2]
        planned += _written(kind, blog, about, others, writers, rng)
    return planned


KINDS = ("review", "round-up", "concert", "interview", "guide", "release")
KIND_SHARES = (0.22, 0.34, 0.19, 0.08, 0.12, 0.05)


def _drawn(left: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Up to `count` different artists, by how often they are still wanted."""
    weights = np.maximum(left, 0).astype(float)
    count = min(count, int(np.count_nonzero(weights)))
    return (
        [int(artist) for artist in rng.choice(len(left), count, replace=False, p=weights / weights.sum())]
        if count
        else []
    )


def _written(
    kind: str,
    blog: int,
    about: Sequence[int],
    others: Sequence[int],
    writers: Sequence[Writer],
    rng: np.random.Generator,
) -> list[_Planned]:
    """A post; a press release is printed by other blogs, too."""
    writer = writers[blog]
    if kind == "round-up":
        return [_Planned(blog, kind, writer.round_up(about))]
    if kind == "guide":
        return [_Planned(blog, kind, writer.guide(about))]
    if kind == "concert":
        return [_Planned(blog, kind, writer.concert(about[0], about[1]))]
    if kind == "interview" and others:
        return [_Planned(blog, kind, writer.interview(about[0], others[0]))]
    if kind == "release":
        release = writer.release(about[0])
        printed_by = [b for b in rng.permutation(NEWSDESK) if b != blog][: int(rng.integers(1, 4))]
        copies = [_Planned(int(b), "copy", writers[b].copied(release, about[0]), copy_of=-1) for b in printed_by]
        return [_Planned(NEWSDESK, kind, release), *copies]
    return [_Planned(blog, "review", writer.review(about[0], others))]


def _rises(world: World, wanted: np.ndarray, rng: np.random.Generator) -> tuple[Rise, ...]:
    """Artists of whom something new is said from some day on."""
    often = np.flatnonzero(wanted >= FEWEST_ARTICLES)
    artists = rng.choice(often, len(RISING_WORDS), replace=False)
    days = [(world.now + dt.timedelta(days=day)).date() for day in RISING_DAYS]
    return tuple(Rise(int(artist), word, day) for artist, word, day in zip(artists, RISING_WORDS, days, strict=True))


def _rising_posts(rise: Rise, often: np.ndarray, writers: Sequence[Writer], rng: np.random.Generator) -> list[_Planned]:
    """Three posts on the day, two more in the days after."""
    planned = []
    midnight = dt.datetime.combine(rise.day, dt.time(), dt.UTC)
    for number, blog in enumerate(rng.permutation(NEWSDESK)[:5]):
        other = int(rng.choice(often[often != rise.artist]))
        at = midnight + dt.timedelta(days=max(0, number - 2), minutes=int(rng.integers(360, 1200)))
        planned.append(_Planned(int(blog), "rising", writers[blog].rising(rise.artist, rise.word, other), at))
    return planned


def _dated(
    planned: Sequence[_Planned], start: dt.datetime, end: dt.datetime, writer: Writer, rng: np.random.Generator
) -> tuple[Post, ...]:
    """The posts in the order of time; copies of a press release follow it within hours."""
    times, first = [], 0
    span_s = int((end - start).total_seconds()) - 86_400
    for number, plan in enumerate(planned):
        if plan.copy_of is None:
            first = number
            times.append(plan.at or start + dt.timedelta(seconds=int(rng.integers(span_s))))
        else:
            times.append(times[first] + dt.timedelta(minutes=int(rng.integers(20, 1200))))
    leads = np.maximum.accumulate([-1 if plan.copy_of is not None else number for number, plan in enumerate(planned)])
    order = sorted(range(len(planned)), key=lambda number: (times[number], number))
    place = {number: position for position, number in enumerate(order)}
    authors = [writer.author() for _ in BLOGS]
    posts, slugs = [], set[tuple[int, str]]()
    for number in order:
        plan = planned[number]
        slug = _slug(plan.draft.title.text)
        while (plan.blog, slug) in slugs:
            slug = f"{slug}-{place[number]}"
        slugs.add((plan.blog, slug))
        posts.append(
            Post(
                number=place[number],
                blog=plan.blog,
                slug=slug,
                author=authors[plan.blog],
                published_at=times[number].replace(microsecond=0),
                kind=plan.kind,
                title=_headline(plan.draft.title),
                paragraphs=plan.draft.paragraphs,
                headings=plan.draft.headings,
                duplicate_of=None if plan.copy_of is None else place[int(leads[number])],
            )
        )
    return tuple(posts)


def _headline(title: Prose) -> Prose:
    return replace(title, text=title.text[:1].upper() + title.text[1:])


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.casefold()).strip("-")[:60] or "post"
