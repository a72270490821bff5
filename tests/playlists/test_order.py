"""The playing order: near songs together, small steps in key, tempo and loudness, an inviting start, artists apart."""

import datetime as dt
import itertools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.collaborative.model import AlsParameters, CollaborativeModel
from recommenders.demo import World, generate_world
from recommenders.demo.oracle import oracle_scores
from recommenders.errors import ModelError
from recommenders.mixing.candidates import Source
from recommenders.mixing.cold import Cold
from recommenders.mixing.shelf import Shelf, read_shelf
from recommenders.playlists import monday
from recommenders.playlists.allocation import Lists
from recommenders.playlists.order import (
    CULTURE,
    LEAST,
    NEUTRAL,
    OPENINGS,
    Described,
    Features,
    as_heard,
    features_of,
    in_playing_order,
    jumps,
    read_described,
)
from recommenders.playlists.reasons import Bend
from recommenders.store import models
from recommenders.store.recordings import Tag, write_analysis, write_tags
from tests.playlists.conftest import CUTOFF, Service, plant
from tests.store.test_recordings import FIGURES

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)


def shelf_of(credits_: list[list[int]]) -> Shelf:
    """Tracks 1, 2, ... with these artists, all of them originals and on no release."""
    n_tracks = len(credits_)
    numbers = np.arange(n_tracks)
    return Shelf(
        track_ids=numbers + 1,
        works=numbers.astype(np.int32),
        releases=np.full(n_tracks, -1, dtype=np.int32),
        eligible=np.ones(n_tracks, dtype=np.bool_),
        fresh=np.zeros(n_tracks, dtype=np.bool_),
        listeners=np.ones(n_tracks, dtype=np.int64),
        artist_offsets=np.cumsum([0, *map(len, credits_)]),
        artists=np.array(list(itertools.chain(*credits_)), dtype=np.int32),
        artist_ids=np.arange(1 + max(itertools.chain([0], *credits_))),
        n_releases=0,
    )


def lists_of(rows: npt.NDArray[Any]) -> Lists:
    """Lists whose first songs have the highest scores."""
    rows = np.atleast_2d(rows).astype(np.int32)
    scores = np.where(rows >= 0, -np.arange(rows.shape[1], dtype=np.float32), 0).astype(np.float32)
    sources = np.where(rows >= 0, Source.MIX, 0).astype(np.int8)
    return Lists(rows, scores, sources, np.zeros(rows.shape, dtype=np.int8))


class DemoLists(NamedTuple):
    """What each user of a demo service would like best, thirty songs, as if every song had been analysed."""

    world: World
    shelf: Shelf
    features: Features
    lists: Lists


def loudness_of(world: World) -> npt.NDArray[np.float32]:
    """As the demo masters its recordings."""
    return (-18 + 4 * world.tracks.energy).astype(np.float32)


def likely(world: World, credits_: list[list[int]], n_users: int) -> npt.NDArray[np.int32]:
    """The songs that users are likeliest to hear next, one version of each, two of an artist."""
    rows = np.full((n_users, 30), -1, dtype=np.int32)
    for user, order in enumerate(np.argsort(-oracle_scores(world, NOW)[:n_users], axis=1, kind="stable")):
        counts: dict[int, int] = {}
        works: set[int] = set()
        songs: list[int] = []
        for track in order:
            if world.tracks.work[track] in works or any(counts.get(one, 0) == 2 for one in credits_[track]):
                continue
            works.add(world.tracks.work[track])
            counts |= {one: counts.get(one, 0) + 1 for one in credits_[track]}
            songs.append(track)
            if len(songs) == 30:
                break
        rows[user] = songs
    return rows


@pytest.fixture(scope="module", params=[3, 11])
def demo(request: pytest.FixtureRequest) -> DemoLists:
    world = generate_world(request.param, NOW)
    tracks = world.tracks
    credits_ = [
        [*artists, *([guest] if guest >= 0 else [])]
        for artists, guest in zip(tracks.main_artists, tracks.featured.tolist(), strict=True)
    ]
    shelf = shelf_of(credits_)
    heard = as_heard(tracks.key, tracks.mode, tracks.tempo_bpm, loudness_of(world))
    nothing = np.zeros((len(tracks.ids), 1), dtype=np.float32)
    described = Described(heard, nothing, np.zeros(len(tracks.ids), dtype=np.int64))
    return DemoLists(
        world,
        shelf,
        features_of(shelf, described, placed(tracks.styles), Cold.none()),
        lists_of(likely(world, credits_, 200)),
    )


def placed(vectors: npt.NDArray[np.floating[Any]]) -> CollaborativeModel:
    """A model that has put the tracks 1, 2, ... where `vectors` (n_tracks, f) are."""
    parameters = AlsParameters(factors=vectors.shape[1])
    return CollaborativeModel(np.arange(len(vectors)) + 1, vectors.astype(np.float32), parameters, 1)


def shuffled(rows: npt.NDArray[np.int32], times: int = 20) -> list[npt.NDArray[np.int32]]:
    rng = np.random.default_rng(0)
    return [rng.permuted(rows, axis=1) for _ in range(times)]


def test_jumps_in_key_tempo_and_loudness_are_at_least_40_percent_smaller_than_in_a_random_order(
    demo: DemoLists,
) -> None:
    ordered = in_playing_order(demo.shelf, demo.lists, demo.features)
    at_random = np.mean([jumps(demo.features, rows).sum(axis=(0, 1)) for rows in shuffled(demo.lists.rows)], axis=0)
    left = jumps(demo.features, ordered.rows).sum(axis=(0, 1)) / at_random
    assert left.mean() < 0.55, "all three, each in its own unit"
    assert (left < 0.61).all(), "key, tempo, loudness"


def test_a_genre_is_left_less_than_half_as_often_as_in_a_random_order(demo: DemoLists) -> None:
    genre, styles = demo.world.tracks.genre, demo.world.tracks.styles

    def changes(rows: npt.NDArray[np.int32]) -> float:
        return float((genre[rows[:, 1:]] != genre[rows[:, :-1]]).mean())

    def apart(rows: npt.NDArray[np.int32]) -> float:
        return float((1 - (styles[rows[:, 1:]] * styles[rows[:, :-1]]).sum(axis=-1)).mean())

    ordered = in_playing_order(demo.shelf, demo.lists, demo.features).rows
    assert changes(ordered) < 0.5 * np.mean([changes(rows) for rows in shuffled(demo.lists.rows)])
    assert apart(ordered) < 0.5 * np.mean([apart(rows) for rows in shuffled(demo.lists.rows)])


def test_the_list_is_opened_by_one_of_its_five_best_songs_and_no_artist_comes_twice_in_a_row(demo: DemoLists) -> None:
    ordered = in_playing_order(demo.shelf, demo.lists, demo.features)
    assert (np.sort(ordered.rows, axis=1) == np.sort(demo.lists.rows, axis=1)).all()
    assert (ordered.rows[:, :1] == demo.lists.rows[:, :OPENINGS]).any(axis=1).all()
    assert len(set((ordered.rows[:, :1] == demo.lists.rows[:, :OPENINGS]).argmax(axis=1))) > 1
    assert not in_a_row(demo.shelf, ordered.rows).any()
    assert not ordered.bends.any()


def in_a_row(shelf: Shelf, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which songs (n_users, length) share an artist with the one before them."""
    artists = [set(shelf.artists[slice(*shelf.artist_offsets[row : row + 2])]) for row in range(len(shelf.works))]
    return np.array(
        [
            [False, *(min(pair) >= 0 and bool(artists[pair[0]] & artists[pair[1]]) for pair in itertools.pairwise(one))]
            for one in rows.tolist()
        ]
    )


def test_songs_that_were_not_analysed_stand_anywhere_and_near_their_own_kind(demo: DemoLists) -> None:
    known = np.random.default_rng(5).random(len(demo.shelf.works)) < 0.5
    heard = np.where(known[:, np.newaxis], demo.features.heard, np.nan).astype(np.float32)
    ordered = in_playing_order(demo.shelf, demo.lists, demo.features._replace(heard=heard)).rows
    unknown = ~known[ordered]
    assert 0.6 < unknown[:, [0, -1]].mean() / unknown.mean() < 1.4, "they are not driven to the ends"
    genre = demo.world.tracks.genre[ordered]
    beside_unknown = unknown[:, 1:] | unknown[:, :-1]
    at_random = np.mean([np.diff(demo.world.tracks.genre[rows]) != 0 for rows in shuffled(demo.lists.rows)])
    assert (np.diff(genre) != 0)[beside_unknown].mean() < 0.5 * at_random
    measured = jumps(demo.features._replace(heard=heard), ordered)
    loud = [jumps(demo.features, rows).mean(axis=(0, 1)) for rows in shuffled(demo.lists.rows)]
    assert (np.nanmean(measured, axis=(0, 1)) < 0.7 * np.mean(loud, axis=0)).all(), "and the others keep to their path"


def described(n_tracks: int, **known: Any) -> Described:
    nothing = {
        "heard": np.full((n_tracks, 4), np.nan, dtype=np.float32),
        "said": np.zeros((n_tracks, 1), dtype=np.float32),
        "genres": np.zeros(n_tracks, dtype=np.int64),
    }
    return Described(**(nothing | known))


@pytest.mark.parametrize("n", [1, 6, 30])
def test_where_nothing_is_known_the_best_songs_come_first(n: int) -> None:
    shelf = shelf_of([[artist] for artist in range(n)])
    features = features_of(shelf, described(n), None, Cold.none())
    rows = np.random.default_rng(0).permutation(n)
    assert in_playing_order(shelf, lists_of(rows), features).rows.tolist() == [rows.tolist()]


@pytest.mark.parametrize("kind", ["genres", "said", "played", "sound"])
def test_songs_of_a_kind_stand_together_whatever_tells_it(kind: str) -> None:
    kinds = np.arange(12) % 3
    shelf = shelf_of([[artist] for artist in range(12)])
    directions = np.random.default_rng(0).normal(size=(3, 8))
    vectors = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)[kinds]
    model, cold = None, Cold.none()
    known: dict[str, Any] = {}
    if kind == "genres":
        known = {"genres": (1 << kinds).astype(np.int64)}
    elif kind == "said":
        known = {"said": vectors}
    elif kind == "played":
        model = placed(vectors)
    else:
        model = CollaborativeModel(
            np.empty(0, dtype=np.int64), np.empty((0, 8), dtype=np.float32), AlsParameters(factors=8), 1
        )
        cold = Cold(shelf.track_ids, vectors, np.ones(len(vectors), dtype=bool))
    features = features_of(shelf, described(12, **known), model, cold)
    ordered = in_playing_order(shelf, lists_of(np.arange(12)), features).rows[0]
    assert (np.diff(kinds[ordered]) != 0).sum() == 2


def test_a_minor_key_is_as_near_to_its_relative_major_as_a_fifth() -> None:
    names = {"C": (0, 1), "G": (7, 1), "F sharp": (6, 1), "A minor": (9, 0), "C minor": (0, 0)}
    keys, modes = map(np.array, zip(*names.values(), strict=True))
    unknown = np.full(len(names), np.nan, dtype=np.float32)
    shelf = shelf_of([[artist] for artist in range(len(names))])
    features = features_of(shelf, described(5, heard=as_heard(keys, modes, unknown, unknown)), None, Cold.none())
    place = list(names).index
    to_c = [jumps(features, np.array([[place("C"), place(other)]]))[0, 0, 0] for other in names]
    assert dict(zip(names, to_c, strict=True)) == {"C": 0, "G": 1, "F sharp": 6, "A minor": 1, "C minor": 4}


class Songs(NamedTuple):
    """A list of songs of which some things are known."""

    shelf: Shelf
    features: Features


@st.composite
def songs(draw: st.DrawFn, most: int) -> Songs:
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_artists = draw(st.integers(1, n))
    credits_ = [
        rng.choice(n_artists, size=min(n_artists, 1 + int(rng.random() < 0.3)), replace=False) for _ in range(n)
    ]
    shelf = shelf_of([list(map(int, artists)) for artists in credits_])
    unknown = draw(st.sampled_from([0.0, 0.3, 1.0]))

    def or_nan(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        return np.where(rng.random(n) < unknown, np.nan, values).astype(np.float32)

    keys = np.where(rng.random(n) < unknown, -1, rng.integers(0, 12, n))
    heard = as_heard(keys, rng.integers(0, 2, n), or_nan(rng.uniform(60, 180, n)), or_nan(rng.normal(-12, 3, n)))
    said = rng.normal(size=(n, 3)) * (rng.random((n, 1)) >= unknown)
    said = said / np.maximum(np.linalg.norm(said, axis=1, keepdims=True), 1e-9)
    vectors = rng.normal(size=(n, 4)) * (rng.random((n, 1)) >= unknown)
    genres = rng.integers(0, 4, n)
    about = Described(heard, said.astype(np.float32), genres)
    return Songs(shelf, features_of(shelf, about, placed(vectors), Cold.none()))


def cost_of(given_: Songs) -> npt.NDArray[np.float64]:
    """What each step costs, written as the rule reads: one pair at a time."""
    n, features = len(given_.shelf.works), given_.features
    parts = np.full((6, n, n), np.nan)
    for i, j in itertools.combinations(range(n), 2):
        parts[:3, i, j] = jumps(features, np.array([[i, j]], dtype=np.int32))[0, 0]
        if features.is_played[i] and features.is_played[j]:
            parts[3, i, j] = 1 - features.played[i] @ features.played[j]
        if features.is_said[i] and features.is_said[j]:
            parts[4, i, j] = 1 - features.said[i] @ features.said[j]
        one, other = (int(features.genres[k]) for k in (i, j))
        if np.isnan(parts[3:5, i, j]).all() and one and other:
            parts[5, i, j] = 1 - (one & other).bit_count() / (one | other).bit_count()
    for number, least in enumerate(LEAST):
        known = parts[number][~np.isnan(parts[number])]
        parts[number] /= max(known.mean() if len(known) else 0, least)
    costs = np.zeros((n, n))
    for i, j in itertools.combinations(range(n), 2):
        acoustic = np.where(np.isnan(parts[:3, i, j]), NEUTRAL, parts[:3, i, j]).mean()
        known = parts[3:, i, j][~np.isnan(parts[3:, i, j])]
        costs[i, j] = costs[j, i] = acoustic + CULTURE * (known.mean() if len(known) else NEUTRAL)
    return costs


def length_of(costs: npt.NDArray[np.float64], path: Any) -> float:
    return float(sum(costs[one, other] for one, other in itertools.pairwise(path)))


@given(songs(most=7))
@settings(max_examples=150, deadline=None)
def test_short_lists_have_the_best_of_all_orders(given_: Songs) -> None:
    n = len(given_.shelf.works)
    ordered = in_playing_order(given_.shelf, lists_of(np.arange(n)), given_.features)
    path = ordered.rows[0].tolist()
    costs = cost_of(given_)
    together = {
        (i, j)
        for i, j in itertools.permutations(range(n), 2)
        if in_a_row(given_.shelf, np.array([[i, j]], dtype=np.int32))[0, 1]
    }

    def judged(order: Any) -> tuple[int, bool, float]:
        touching = sum(pair in together for pair in itertools.pairwise(order))
        return touching, order[0] >= OPENINGS, length_of(costs, order)

    best = min(map(judged, itertools.permutations(range(n))))
    found = judged(path)
    assert sorted(path) == list(range(n))
    assert found[0] == best[0], "artists come twice in a row only where there is no other way"
    assert found[1] == best[1]
    assert found[2] <= best[2] + 1e-3
    assert (ordered.bends == Bend.ORDER).sum() == found[0]


def test_longer_lists_are_on_average_within_three_percent_of_the_best_order(demo: DemoLists) -> None:
    """Of the first eleven songs of some lists, against the exact solution written over sets."""
    ratios = []
    for rows in demo.lists.rows[:40, :11]:
        shelf = shelf_of([[row] for row in range(11)])
        features = Features(*(column[rows] for column in demo.features))
        path = in_playing_order(shelf, lists_of(np.arange(11)), features).rows[0]
        costs = cost_of(Songs(shelf, features))
        ratios.append(length_of(costs, path) / shortest(costs))
    assert max(ratios) < 1.2
    assert np.mean(ratios) < 1.03


def shortest(costs: npt.NDArray[np.float64]) -> float:
    """The length of the shortest path that begins with one of the first OPENINGS songs."""
    n = len(costs)
    ways = {(1 << song, song): 0.0 for song in range(OPENINGS)}
    for _ in range(n - 1):
        longer: dict[tuple[int, int], float] = {}
        for (visited, last), length in ways.items():
            for song in range(n):
                if not visited >> song & 1:
                    key = (visited | 1 << song, song)
                    longer[key] = min(longer.get(key, np.inf), length + costs[last, song])
        ways = longer
    return min(ways.values())


@given(songs(most=30))
@settings(max_examples=100, deadline=None)
def test_a_list_is_never_a_longer_way_than_a_random_order_on_average(given_: Songs) -> None:
    n = len(given_.shelf.works)
    one_each = given_.shelf._replace(artists=np.arange(len(given_.shelf.artists), dtype=np.int32))
    ordered = in_playing_order(one_each, lists_of(np.arange(n)), given_.features)
    costs = cost_of(given_)
    at_random = costs.sum() / n  # of n (n - 1) steps, n - 1 are taken
    assert length_of(costs, ordered.rows[0]) <= at_random + 1e-3


@given(songs(most=30), st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_an_order_is_a_permutation_and_depends_on_its_own_list_alone(given_: Songs, seed: int, n_users: int) -> None:
    rng, n = np.random.default_rng(seed), len(given_.shelf.works)
    rows = np.full((n_users, n), -1, dtype=np.int32)
    for user in range(n_users):
        length = int(rng.integers(0, n + 1))
        rows[user, :length] = rng.permutation(n)[:length]
    lists = lists_of(rows)
    together = in_playing_order(given_.shelf, lists, given_.features)
    assert (np.sort(together.rows, axis=1) == np.sort(rows, axis=1)).all()
    assert ((together.rows >= 0) == (rows >= 0)).all(), "what is past the end stays there"
    alone = [in_playing_order(given_.shelf, lists.slice(user, user + 1), given_.features) for user in range(n_users)]
    for name in Lists._fields:
        apart = np.concatenate([getattr(each, name) for each in alone])
        assert getattr(together, name).tobytes() == apart.tobytes()


def test_half_a_list_by_one_artist_is_kept_apart_to_the_last_song() -> None:
    shelf = shelf_of([[0] if row < 15 else [row] for row in range(30)])
    rng = np.random.default_rng(1)
    features = features_of(shelf, described(30), placed(rng.normal(size=(30, 8))), Cold.none())
    rows = np.array([rng.permutation(30) for _ in range(50)])
    ordered = in_playing_order(shelf, lists_of(rows), features)
    assert not in_a_row(shelf, ordered.rows).any()
    assert not ordered.bends.any()


def test_where_artists_cannot_be_kept_apart_a_song_is_marked_for_each_time() -> None:
    shelf = shelf_of([[0], [0], [0], [0], [1]])
    features = features_of(shelf, described(5), None, Cold.none())
    ordered = in_playing_order(shelf, lists_of(np.arange(5)), features)
    touching = in_a_row(shelf, ordered.rows)
    assert touching.sum() == 2
    assert ((ordered.bends == Bend.ORDER) == touching).all()


def analyse(service: Service, seed: int, share: float, at: dt.datetime = CUTOFF - dt.timedelta(days=1)) -> None:
    """Let so many of the tracks have been heard."""
    rng = np.random.default_rng(seed)
    with service.one_transaction() as connection:
        for track in service.tracks:
            if rng.random() < share:
                sounds = {
                    "key": int(rng.integers(12)),
                    "mode": int(rng.integers(2)),
                    "tempo_bpm": rng.uniform(60, 180),
                    "loudness_lufs": rng.normal(-12, 3),
                }
                write_analysis(connection, track, 1, FIGURES | sounds, "{}", at)
                write_tags(connection, track, [Tag("genre", str(rng.integers(5)))])


def test_a_monday_plays_analysed_songs_in_small_steps_however_it_is_cut(service: Service) -> None:
    service.promote(plant(service, 21))
    analyse(service, 21, 0.8)
    first, *others = [service.lists(service.run(shards=shards, run_key=f"{shards}")) for shards in (1, 3, 17)]
    assert all(other == first for other in others)
    sounds = {
        track: as_heard(*(np.array([value]) for value in found))[0]
        for track, *found in service.sql("SELECT track_id, key, mode, tempo_bpm, loudness_lufs FROM audio_analyses")
    }
    heard = np.array([sounds.get(track, np.full(4, np.nan)) for track in service.tracks], dtype=np.float32)
    rows = np.searchsorted(service.tracks, list(first.values()))
    shelf = shelf_of([[track] for track in range(len(service.tracks))])
    features = features_of(shelf, described(len(heard), heard=heard), None, Cold.none())
    left = np.nanmean(jumps(features, rows), axis=(0, 1))
    at_random = np.mean([np.nanmean(jumps(features, each), axis=(0, 1)) for each in shuffled(rows)], axis=0)
    assert (left < 0.75 * at_random).all()


def test_what_was_heard_after_the_cut_off_changes_no_order(service: Service) -> None:
    service.promote(plant(service, 22))
    before = service.lists(service.run(run_key="before"))
    analyse(service, 22, 1.0, at=CUTOFF + dt.timedelta(hours=1))
    service.sql("DELETE FROM track_tags")
    assert service.lists(service.run(run_key="after")) == before


def test_what_is_said_of_songs_draws_them_near_in_a_present_week_alone(service: Service) -> None:
    band = service.add_artist("a band")
    for number in range(4):
        service.add_track(f"song {number}", [band])
    vectors = np.array([[1, 0], [0, 2], [3, 0]], dtype=np.float32)
    with service.store.begin() as connection:
        text = models.add_candidate(
            connection,
            kind="text",
            space=1,
            run_key=None,
            trained_at=CUTOFF,
            cutoff=CUTOFF,
            parameters={},
            metrics={},
            artifact_uri="",
            package_version="test",
        )
        models.promote(connection, text, now=CUTOFF, track_ids=np.array(service.tracks[:3]), vectors=vectors)
        shelf = read_shelf(connection, CUTOFF, 8)
        now, then = (read_described(connection, shelf, CUTOFF, past=past) for past in (False, True))
    features = features_of(shelf, now, None, Cold.none())
    assert features.is_said.tolist() == [True, True, True, False]
    assert np.allclose((features.said @ features.said.T)[:3, :3], [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert not then.said.any()


def test_verification_finds_an_artist_twice_in_a_row_that_nobody_marked(service: Service) -> None:
    service.promote(plant(service, 23))
    edition = service.run(publish=False)
    artists: dict[int, set[int]] = {}
    for track, artist in service.sql("SELECT track_id, artist_id FROM track_artists"):
        artists.setdefault(track, set()).add(artist)
    user, one, other = next(
        (user, one, other)
        for user, tracks in service.lists(edition).items()
        for one, other in itertools.combinations(tracks, 2)
        if artists[one] & artists[other]
    )
    rest = [track for track in service.lists(edition)[user] if track not in (one, other)]
    service.sql(
        "UPDATE playlists SET track_ids = :t WHERE edition_id = :e AND user_id = :u",
        t=[one, other, *rest],
        e=edition,
        u=user,
    )
    with pytest.raises(ModelError, match="songs of one artist in a row: "):
        monday.verify_edition(service.store, service.artifacts, edition)
    service.sql(
        "UPDATE playlists SET bends = array_fill(4::smallint, ARRAY[30]) WHERE edition_id = :e AND user_id = :u",
        e=edition,
        u=user,
    )
    monday.verify_edition(service.store, service.artifacts, edition)
