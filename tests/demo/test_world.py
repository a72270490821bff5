"""The planted truths are in the data, and a seed makes the same service each time."""

import datetime as dt
import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recommenders.demo import World, generate_world, oracle_scores
from recommenders.errors import ConfigurationError
from tests.conftest import RealData

WEEK = dt.timedelta(weeks=1)


def plays(world: World) -> pa.Table:
    """The plays before now, with their track's number, whether they are skips, and the user's number."""
    events = world.events()
    events = events.filter(pc.equal(events["kind"], "play"))
    skip = pc.fill_null(pc.less(events["ms_played"], 30_000), False)
    return (
        events.append_column("skip", skip)
        .append_column("track", pc.index_in(events["track_id"], pa.array(world.track_ids)))
        .append_column("user", pc.index_in(events["user_id"], pa.array(world.user_ids)))
    )


def small(seed: int, now: dt.datetime, **sizes: int) -> World:
    return generate_world(seed, now, **{"users": 40, "tracks": 300, "weeks": 4} | sizes)


def test_the_same_seed_makes_the_same_service(now: dt.datetime) -> None:
    one, same, other = small(1, now), small(1, now), small(2, now)
    assert one.events(now + WEEK).equals(same.events(now + WEEK))
    assert (one.tracks.titles, one.artists.names, one.people.names) == (
        same.tracks.titles,
        same.artists.names,
        same.people.names,
    )
    assert np.array_equal(oracle_scores(one, now), oracle_scores(same, now))
    assert not one.events().equals(other.events())
    assert one.tracks.titles != other.tracks.titles


def test_the_future_changes_nothing_of_the_past(now: dt.datetime) -> None:
    short, long = small(1, now, future_weeks=0), small(1, now, future_weeks=3)
    assert short.events().equals(long.events())
    assert long.events(now + 3 * WEEK).slice(0, short.events().num_rows).equals(short.events())
    assert long.events(now + 3 * WEEK, since=now).num_rows > 0
    with pytest.raises(ConfigurationError, match="future_weeks"):
        short.events(now + WEEK)


def test_a_naive_now_or_a_tiny_service_is_refused(now: dt.datetime) -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        generate_world(1, now.replace(tzinfo=None))
    with pytest.raises(ConfigurationError, match="at least"):
        small(1, now, tracks=50)
    with pytest.raises(ConfigurationError, match="weeks"):
        oracle_scores(small(1, now), now - 5 * WEEK)


def test_events_lie_in_the_weeks_before_now_in_order(world: World, now: dt.datetime) -> None:
    at = world.events()["at"].to_numpy()
    assert (np.diff(at) >= np.timedelta64(0)).all()
    assert at[0] >= np.datetime64((now - 16 * WEEK).replace(tzinfo=None))
    assert at[-1] < np.datetime64(now.replace(tzinfo=None))
    assert len(world.user_ids) == 600
    assert len(world.track_ids) == 3000
    assert 200_000 < len(at) < 400_000
    assert set(world.events()["kind"].unique().to_pylist()) == {"play", "save", "artist_visit", "love", "ban", "rating"}


def test_activity_and_popularity_have_heavy_tails(world: World) -> None:
    table = plays(world)
    per_user = np.sort(np.bincount(table["user"].to_numpy(), minlength=600))[::-1]
    per_track = np.sort(np.bincount(table["track"].to_numpy(), minlength=3000))[::-1]
    assert per_user[:60].sum() > 0.25 * per_user.sum()
    assert per_track[:300].sum() > 0.2 * per_track.sum()


def test_nobody_hears_a_song_before_it_was_uploaded(world: World) -> None:
    table = plays(world)
    at = table["at"].cast(pa.int64()).to_numpy()
    assert (at >= world.tracks.uploaded_at[table["track"].to_numpy()]).all()


def test_some_users_have_no_history_and_begin_in_the_held_out_week(world: World, now: dt.datetime) -> None:
    silent = set(world.truth.users_without_history)
    assert len(silent) == 30
    assert not silent & set(world.events()["user_id"].unique().to_pylist())
    assert len(silent & set(world.events(now + WEEK, since=now)["user_id"].unique().to_pylist())) > 20
    rows = [user in silent for user in world.user_ids]
    assert (world.people.created_at[rows] < now.timestamp()).all()
    assert np.isfinite(oracle_scores(world, now)[rows]).any(axis=1).all()


def test_some_lately_uploaded_tracks_are_unplayed(world: World, now: dt.datetime) -> None:
    unplayed = set(world.truth.unplayed_tracks)
    assert len(unplayed) == 150
    assert not unplayed & set(world.events()["track_id"].unique().to_pylist())
    assert unplayed & set(world.events(now + WEEK, since=now)["track_id"].unique().to_pylist())
    uploaded_at = world.tracks.uploaded_at[[track in unplayed for track in world.track_ids]]
    assert (uploaded_at > (now - 3 * WEEK).timestamp()).all()


def test_children_play_childrens_songs_on_the_kitchen_tablet(world: World) -> None:
    truth, table = world.truth, plays(world)
    childrens = truth.genre_of_track[table["track"].to_numpy()] == truth.genres.index("children's songs")
    shared = pc.is_in(table["user_id"], pa.array(truth.kids_accounts)).to_numpy()
    tablet = pc.equal(table["device"], truth.kids_device).to_numpy()
    assert len(truth.kids_accounts) == 48
    assert not tablet[~shared].any()
    assert childrens[tablet].mean() > 0.9
    assert tablet[childrens & shared].mean() > 0.9
    assert childrens[~shared].mean() < 0.01
    hour = (table["at"].cast(pa.int64()).to_numpy()[tablet] // 3600) % 24
    assert np.isin(hour, [7, 8, 9, 10, 11, 14, 15, 16, 17, 18]).mean() > 0.8


def test_the_childrens_songs_are_not_the_parents_taste(world: World, now: dt.datetime) -> None:
    truth = world.truth
    childrens = truth.genre_of_track == truth.genres.index("children's songs")
    parents = [world.user_ids.index(user) for user in truth.kids_accounts]
    scores = oracle_scores(world, now)[parents]
    assert not childrens[np.argsort(-scores, axis=1)[:, :30]].any()


def test_liked_songs_are_skipped_less_and_played_again(world: World, now: dt.datetime) -> None:
    scores = oracle_scores(world, now) - np.log(world.tracks.popularity)
    table = plays(world)
    table = table.filter(pc.not_equal(table["device"], world.truth.kids_device))
    user, track, skip = (table[name].to_numpy(zero_copy_only=False) for name in ("user", "track", "skip"))
    known = np.isfinite(scores)
    like = np.where(known, scores, -np.inf)[user, track]
    liked, disliked = like > np.quantile(like, 0.8), like < np.quantile(like, 0.1)
    assert skip[liked].mean() < 0.12
    assert skip[disliked].mean() > 3 * skip[liked].mean()
    pair, n_plays = np.unique(user.astype(np.int64) * 3000 + track, return_counts=True)
    pair_like = scores[pair // 3000, pair % 3000]
    often = n_plays[pair_like > np.quantile(pair_like, 0.8)].mean()
    assert often > 1.5 * n_plays[pair_like < np.quantile(pair_like, 0.2)].mean()


def test_disliked_genres_are_skipped_banned_and_rarely_heard(world: World) -> None:
    truth = world.truth
    table = plays(world)
    disliked = np.array([[genre in truth.disliked_genres[user] for genre in truth.genres] for user in world.user_ids])
    of_disliked = disliked[table["user"].to_numpy(), truth.genre_of_track[table["track"].to_numpy()]]
    assert disliked.any(axis=1).all()
    assert of_disliked.mean() < 0.01
    assert table["skip"].to_numpy(zero_copy_only=False)[of_disliked].mean() > 0.4


def test_what_is_banned_is_never_played_again(world: World) -> None:
    last_play: dict[tuple[str, str], dt.datetime] = {}
    bans: list[tuple[str, str, dt.datetime]] = []
    artist_of = dict(zip(world.track_ids, np.array(world.artists.ids)[world.tracks.artist].tolist(), strict=True))
    columns = world.events().select(["user_id", "at", "track_id", "artist_id", "kind"]).to_pydict().values()
    for user, at, track, artist, kind in zip(*columns, strict=True):
        if kind == "ban":
            bans.append((user, track or artist, at))
        elif kind == "play":
            last_play[user, track] = last_play[user, artist_of[track]] = at
    assert {banned[0] for _, banned, _ in bans} == {"t", "a"}  # tracks and artists
    assert all(last_play[user, banned] < at for user, banned, at in bans)


def genre_shares(world: World, table: pa.Table, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Share of each genre in the plays `rows` of each user: (n_users, n_genres)."""
    n_genres = len(world.truth.genres)
    genre = world.truth.genre_of_track[table["track"].to_numpy()[rows]]
    counts = np.bincount(table["user"].to_numpy()[rows] * n_genres + genre, minlength=600 * n_genres)
    shares = counts.reshape(600, n_genres).astype(np.float64)
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1), dtype=np.float64)


def test_some_tastes_change_and_their_plays_follow(world: World, now: dt.datetime) -> None:
    table = plays(world)
    week = 16 - (now.timestamp() - table["at"].cast(pa.int64()).to_numpy()) / WEEK.total_seconds()
    moved = np.abs(genre_shares(world, table, week < 5) - genre_shares(world, table, week > 13)).sum(axis=1)
    listens = np.bincount(table["user"].to_numpy()[week < 5], minlength=600) > 50
    drifts = ~np.isnan(world.truth.drift_week)
    assert 0.18 < drifts.mean() < 0.32
    assert np.median(moved[drifts & listens]) > 2 * np.median(moved[~drifts & listens])


def base_title(title: str) -> str:
    """`title` without what the field's conventions add for a version."""
    return re.sub(r" (- [^-]*(Remaster|Live|Version|Edit)[^-]*|\((Remaster|Live|Acoustic|Radio)[^()]*\))$", "", title)


def test_versions_share_their_work_and_no_other_song_of_the_artist_is_called_so(world: World) -> None:
    truth, tracks = world.truth, world.tracks
    assert sum(version != "" for version in truth.version_of_track) == 360
    assert set(truth.version_of_track) == {"", "live", "remaster", "acoustic", "re-upload", "radio edit"}
    named: dict[tuple[int, str], set[int]] = {}
    for artist, title, work in zip(tracks.artist, tracks.titles, truth.work_of_track, strict=True):
        named.setdefault((int(artist), base_title(title)), set()).add(int(work))
    assert all(len(works) == 1 for works in named.values())
    assert len(named) == len(np.unique(truth.work_of_track))
    original = {
        int(work): float(s) for work, s, v in zip(tracks.work, tracks.duration_s, tracks.version, strict=True) if not v
    }
    for work, seconds, version in zip(tracks.work, tracks.duration_s, tracks.version, strict=True):
        if version in ("remaster", "re-upload"):
            assert abs(seconds - original[int(work)]) < 6


def test_names_are_varied_and_of_nobody_real(world: World, real_data: RealData) -> None:
    artists = world.artists
    assert len(set(artists.names)) == len(artists.names) == 300
    assert len(set(world.people.names)) == 600
    originals = [title for title, version in zip(world.tracks.titles, world.tracks.version, strict=True) if not version]
    assert 0.9 < len(set(originals)) / len(originals) < 1
    names = real_data("names/unique_artists.txt")
    real = {line.strip().casefold() for line in names.read_text(encoding="utf-8", errors="replace").splitlines()}
    assert not [name for name in artists.names if name.casefold() in real]


def test_guests_are_named_in_titles_and_exist(world: World) -> None:
    tracks = world.tracks
    guests = [
        (title, world.artists.names[guest])
        for title, guest in zip(tracks.titles, tracks.featured, strict=True)
        if guest >= 0
    ]
    assert len(guests) > 100
    assert all(f"feat. {name}" in title for title, name in guests)
    assert sum(len(credited) > 1 for credited in tracks.main_artists) > 30


def test_genres_and_artists_have_words_and_sounds_of_their_own(world: World) -> None:
    truth, tracks = world.truth, world.tracks
    everywhere = [word for words in truth.genre_words.values() for word in words]
    assert len(set(everywhere)) > 0.95 * len(everywhere)
    assert all(set(truth.artist_words[artist]) - set(everywhere) for artist in world.artists.ids)
    genre = np.array(truth.genres)[truth.genre_of_track]
    originals = np.array(tracks.version) == ""
    assert tracks.tempo_bpm[originals & (genre == "techno")].min() >= 122
    assert tracks.energy[genre == "techno"].mean() > 2 * tracks.energy[genre == "ambient"].mean()
    assert tracks.mode[genre == "doom metal"].mean() < 0.3 < tracks.mode[genre == "bluegrass"].mean()
    cosine = tracks.styles @ tracks.styles.T
    same_artist = tracks.artist[:, None] == tracks.artist
    same_genre = tracks.genre[:, None] == tracks.genre
    assert cosine[same_artist].mean() > cosine[same_genre & ~same_artist].mean() + 0.1
    assert cosine[same_genre & ~same_artist].mean() > cosine[~same_genre].mean() + 0.3
