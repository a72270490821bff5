"""The demo service brought in whole, without Airflow: its listening, its blogs, its songs, by the real steps.

Posts are extracted from their pages without HTTP; songs are rendered and heard without files.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio.mels import save_mels
from recommenders.demo import sound
from recommenders.demo.blog_pages import Pages
from recommenders.demo.blogs import make_blogs
from recommenders.demo.world import World, write_world
from recommenders.exchange.imports import import_path
from recommenders.language import learning, reading
from recommenders.language.articles import as_row, save_articles
from recommenders.language.extraction import Extracted, extract
from recommenders.language.parameters import ReadingParameters
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from recommenders.store.outside_ids import find_ids
from recommenders.store.recordings import Tag, write_tags
from recommenders.timing import Stage

_PROCESSES, _AT_ONCE = 2, 64


def bring_in(store: Store, place: Path, world: World) -> None:
    """Write the world's files into `place`, and import them."""
    write_world(world, place)
    for kind in ("catalogue", "users", "listening"):
        import_path(store, kind, place / kind, now=world.now)


def read_blogs(store: Store, artifacts: Artifacts, world: World) -> int:
    """Read every post from before the world's end, weigh what they say, and place artists and tracks by it; how many
    posts."""
    stage, articles = Stage("extract posts"), list(_articles(world))
    stage.done(len(articles), "articles")
    with store.begin() as connection:
        save_articles(connection, [as_row(article, source="crawl", fetched_at=world.now) for article in articles])
    for batch in reading.plan(store, artifacts, ReadingParameters(), world.now):
        reading.read(store, artifacts, batch, world.now)
    learning.weigh(store, TermParameters(), world.now.date())
    learning.place(store, artifacts, "blogs", world.now)
    return len(articles)


def _articles(world: World) -> Iterator[Extracted]:
    """Each post as its page has it."""
    blogs = make_blogs(world)
    sites = [Pages(blogs, number, f"http://127.0.0.1:{9101 + number}") for number in range(len(blogs.blogs))]
    for post in blogs.posts:
        if post.published_at < world.now:
            url = sites[post.blog].url(post)
            answer = sites[post.blog].answer(url.removeprefix(sites[post.blog].base), "", world.now)
            yield extract(answer.body, url, content_type=answer.content_type)


def hear(store: Store, artifacts: Artifacts, world: World) -> npt.NDArray[np.int64]:
    """Render every track, and keep what the network hears of it and what its file says of its genre; the tracks' ids
    in the store, in the world's order."""
    with store.begin() as connection:
        track_ids = find_ids(connection, "track", pa.array(world.track_ids))
        for track, track_id in enumerate(track_ids.tolist()):
            write_tags(connection, track_id, _tags(world, track))
    stage = Stage("render and hear")
    for number, (first, mels) in enumerate(_heard(world)):
        save_mels(artifacts, f"{number:05}", track_ids[first : first + len(mels)], mels)
    stage.done(len(track_ids), "tracks")
    return track_ids


def _tags(world: World, track: int) -> list[Tag]:
    """What the file of a track says of its genre."""
    words = sound.tags(world, track).get("genre", "")
    return [Tag("genre", word) for word in words.split("; ") if word]


def _heard(world: World) -> Iterator[tuple[int, npt.NDArray[np.float16]]]:
    """Blocks of the first excerpt of each track, (n, 599, 128), with the place of the first track; two processes."""
    starts = range(0, len(world.track_ids), _AT_ONCE)
    with ProcessPoolExecutor(
        _PROCESSES, mp_context=get_context("spawn"), initializer=_begin, initargs=(world,)
    ) as pool:
        yield from zip(starts, pool.map(_hear, starts), strict=True)


_world: World | None = None


def _begin(world: World) -> None:
    global _world  # noqa: PLW0603 - what a process of the pool is given once
    _world = world


def _hear(first: int) -> npt.NDArray[np.float16]:
    from recommenders.audio.decoding import halved
    from recommenders.audio.mel import log_mel

    assert _world is not None
    tracks = range(first, min(first + _AT_ONCE, len(_world.track_ids)))
    return np.stack([log_mel(halved(sound.render(_world, track)))[0] for track in tracks])
