"""Stations: songs like a tag, like a song, or like both, under the rules of a mixtape.

Pandora's idea. The candidates are the songs that have one of the tags (by their own tags, by what is said of them or
their artists, or because a curator's list with that tag holds them) and, without tags, those near the seed song;
`likeness` scores them. What the user has heard, blocked, or got on a mixtape in the weeks around is left out, caps
and order are those of a mixtape, by the same functions. A station has no places for fresh songs, and its songs don't
count against a mixtape's: the user asked for them, and what they play of it is heard. Without a user the whole
catalogue is open.
"""

import datetime as dt
import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import load_model
from recommenders.errors import ConfigurationError, NotEnoughDataError, UnknownNameError
from recommenders.mixing.attributes import most_of_each, read_tag_strengths
from recommenders.mixing.candidates import Candidates, Source
from recommenders.mixing.cold import Cold
from recommenders.mixing.shelf import Forbidden, Shelf, read_forbidden, read_shelf
from recommenders.playlists import likeness
from recommenders.playlists.allocation import Lists, allocate
from recommenders.playlists.calendar import week_of
from recommenders.playlists.dials import Limits
from recommenders.playlists.order import features_of, in_playing_order, read_described
from recommenders.store import Artifacts, attributes, editorial, mixtapes, models, names, recordings, stations
from recommenders.store.top_terms import top_terms

LISTED = 0.8  # how far a song on a curator's list has the list's tags
SEED_TERMS = 40  # heaviest terms of the seed song
NAMED = 4  # most words in a reason
SAME_TEMPO = 1.06
PLAIN_WORD = 0.3  # how much a word tells that is no adjective, and no tag that anybody gives
NEAR_SOUND = 0.5  # likeness by sound from which a song is near
FRESH_WEEKS = 8


class StationParameters(BaseModel):
    """The rules and weights of a station."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(30, ge=1, le=100, description="Songs on a station.")
    max_per_artist: int = Field(2, ge=1, description="Most songs of any credited artist.")
    max_per_release: int = Field(2, ge=1, description="Most songs of one release.")
    memory_weeks: int = Field(12, ge=0, le=104, description="Weeks in which a mixtape's songs are left out.")
    tags: float = Field(0.5, gt=0, description="Weight of the tags that were asked for.")
    terms: float = Field(0.3, gt=0, description="Weight of what is said of the seed song.")
    sound: float = Field(0.2, gt=0, description="Weight of how the seed song sounds.")
    least: float = Field(0.15, ge=0, lt=1, description="Least score of a song that has none of the tags asked for.")


class _Asked(NamedTuple):
    """What was asked for: `user_id` 0 is nobody; `seed` is a row of the shelf, -1 for none."""

    user_id: int
    tags: list[str]
    seed: int
    liked_track_id: int | None


class _Known(NamedTuple):
    """What is known of the songs: how far each has the tags asked for, in all and by lists alone, and what it shares
    with the seed."""

    tags: csr_matrix  # (n_tracks, n_tags)
    listed: csr_matrix
    lists: dict[int, str]  # name of a list by row of a song on it
    terms: csr_matrix  # (n_tracks, n_terms) what each adds
    telling: dict[str, float]  # how much each of the terms tells
    sounds: likeness.Sounds
    sound: npt.NDArray[np.float32]  # (n_tracks,) likeness to the seed by sound, NaN where unknown


def make_station(
    connection: sa.Connection,
    artifacts: Artifacts,
    *,
    user: str | None = None,
    tags: Sequence[str] = (),
    like: str | None = None,
    parameters: StationParameters | None = None,
    zone: ZoneInfo,
    package_version: str,
    now: dt.datetime,
) -> int:
    """Make and store a station for the service's user `user`, or for nobody; return its id.

    `tags` and `like`, a track by the service's id: what it is to be like, at least one of them. Raises
    ConfigurationError when nothing is asked for, UnknownNameError for an unknown user, track or tag (with those that
    are near), NotEnoughDataError when nothing is known of the track, or no song is left.
    """
    rules = parameters or StationParameters()
    shelf = read_shelf(connection, now, FRESH_WEEKS)
    asked = _asked(connection, shelf, user, tags, like)
    known = _known(connection, shelf, asked, now)
    scores, fits = _scored(shelf, known, asked, rules)
    forbidden = _forbidden(connection, shelf, asked.user_id, rules, now, zone)
    lists = _chosen(shelf, forbidden, scores, fits, asked, rules)
    lists = _ordered(connection, artifacts, shelf, lists, now)
    rows = lists.rows[0][lists.rows[0] >= 0]
    if not len(rows):
        raise NotEnoughDataError(_nothing_left(asked, user, int(fits.sum())))
    new = stations.NewStation(
        user_id=asked.user_id or None,
        tags=asked.tags,
        liked_track_id=asked.liked_track_id,
        parameters=rules.model_dump(),
        track_ids=shelf.track_ids[rows].tolist(),
        scores=lists.scores[0][: len(rows)].tolist(),
        bends=lists.bends[0][: len(rows)].tolist(),
        reasons=[_reason(known, asked, row) for row in rows.tolist()],
        short_reason="no other song that this user may get fits" if len(rows) < rules.length else None,
    )
    return stations.write_station(connection, new, package_version, now)


def _asked(connection: sa.Connection, shelf: Shelf, user: str | None, tags: Sequence[str], like: str | None) -> _Asked:
    user_id = mixtapes.user_of(connection, user)[0] if user is not None else 0
    track_id = names.track_of(connection, like) if like is not None else None
    wanted = editorial.distinct_tags(tags)
    if not wanted and track_id is None:
        raise ConfigurationError("A station needs tags, a song that it is to be like, or both: --tags, --like.")
    seed = -1 if track_id is None else int(shelf.rows(np.array([track_id]))[0])
    return _Asked(user_id, wanted, seed, track_id)


def _known(connection: sa.Connection, shelf: Shelf, asked: _Asked, now: dt.datetime) -> _Known:
    """Look up what was asked for; raises UnknownNameError for a tag that nothing has, NotEnoughDataError for a seed of
    which nothing is known."""
    telling = _seed_terms(connection, asked, now) if asked.seed >= 0 else {}
    keys = [editorial.tag_key(tag) for tag in asked.tags]
    term_keys = [editorial.tag_key(term) for term in telling]
    strengths = read_tag_strengths(connection, shelf, list(dict.fromkeys([*keys, *term_keys])), now.date())
    places = {key: place for place, key in enumerate(dict.fromkeys([*keys, *term_keys]))}
    listed, lists = _listed(connection, shelf, keys, now)
    of_tags = strengths[:, [places[key] for key in keys]].maximum(listed).tocsr()
    for place, tag in enumerate(asked.tags):
        if not of_tags[:, [place]].nnz:
            raise UnknownNameError(_unknown_tag(connection, tag))
    sounds = likeness.Sounds.of(shelf, attributes.read_analyses(connection, now))
    of_terms = strengths[:, [places[key] for key in term_keys]].tocsr()
    sound = np.full(len(shelf.track_ids), np.nan, dtype=np.float32)
    if asked.seed >= 0:
        of_terms = likeness.shared(of_terms, asked.seed, np.array(list(telling.values()), dtype=np.float32))
        sound = likeness.by_sound(sounds, asked.seed)
        if not asked.tags and not of_terms[[asked.seed]].nnz and np.isnan(sound).all():
            raise NotEnoughDataError(
                "Nothing tells what this song is like: it has no tags, no article describes it or its artist in words "
                "that fit others too, and it was not heard. Give tags as well."
            )
    return _Known(of_tags, listed, lists, of_terms, telling, sounds, sound)


def _seed_terms(connection: sa.Connection, asked: _Asked, now: dt.datetime) -> dict[str, float]:
    """The seed's tags, and the words and tags that are said of it or its first artist, each once, with how much it
    tells: a tag and an adjective describe, other words may do so."""
    track_id = asked.liked_track_id or 0
    tags = {editorial.tag_key(tag) for tag in attributes.known_tags(connection)}
    said = top_terms(connection, "track", track_id, now.date(), limit=SEED_TERMS)
    for artist in names.main_artists(connection, track_id)[:1]:
        said += top_terms(connection, "artist", artist, now.date(), limit=SEED_TERMS)
    found = {tag.value: 1.0 for tag in recordings.read_tags(connection, track_id)}
    for term in said:
        if term.kind == "adjective" or editorial.tag_key(term.term) in tags:
            found.setdefault(term.term, 1.0)
        elif term.kind == "word":
            found.setdefault(term.term, PLAIN_WORD)
    distinct: dict[str, str] = {}
    for text in found:
        distinct.setdefault(editorial.tag_key(text), text)
    return {text: found[text] for key, text in distinct.items() if key}


def _listed(
    connection: sa.Connection, shelf: Shelf, keys: list[str], now: dt.datetime
) -> tuple[csr_matrix, dict[int, str]]:
    """Which songs curators' lists with the tags hold, as strengths (n_tracks, n_tags); of each song the list that has
    most of the tags."""
    valid = editorial.read_valid_lists(connection, now)
    called = {one.list_id: one.name for one in editorial.all_lists(connection)} if keys else {}
    tags_of: dict[int, list[int]] = {}
    for list_id, key in zip(valid.tag_lists.tolist(), valid.tag_keys, strict=True):
        if key in keys:
            tags_of.setdefault(list_id, []).append(keys.index(key))
    songs = zip(valid.song_lists.tolist(), shelf.rows(valid.track_ids).tolist(), strict=True)
    found = [(row, tag, list_id) for list_id, row in songs for tag in tags_of.get(list_id, []) if row >= 0]
    found.sort(key=lambda one: -len(tags_of[one[2]]))
    rows, columns = (np.array([one[place] for one in found], dtype=np.int64) for place in (0, 1))
    shape = (len(shelf.track_ids), len(keys))
    lists = {row: called[list_id] for row, _, list_id in reversed(found)}
    return most_of_each(rows, columns, np.full(len(found), LISTED, dtype=np.float32), shape), lists


def _scored(
    shelf: Shelf, known: _Known, asked: _Asked, rules: StationParameters
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The score of each track, (n_tracks,), and whether it is a candidate at all."""
    parts = []
    fits = shelf.eligible.copy()
    if asked.tags:
        of_tags = likeness.by_tags(known.tags)
        parts.append((rules.tags, of_tags))
        fits &= of_tags > 0
    if asked.seed >= 0:
        said = np.asarray(known.terms.sum(axis=1)).ravel().astype(np.float32)
        if said.any():
            parts.append((rules.terms, said))
        if np.isfinite(known.sound).any():
            parts.append((rules.sound, known.sound))
        fits &= shelf.works != shelf.works[asked.seed]
    scores = likeness.weighted(parts)
    if not asked.tags:
        near = known.sound >= NEAR_SOUND
        fits &= (scores >= rules.least) & (near | (np.diff(known.terms.indptr) > 0))
    return scores, fits


def _forbidden(
    connection: sa.Connection,
    shelf: Shelf,
    user_id: int,
    rules: StationParameters,
    now: dt.datetime,
    zone: ZoneInfo,
) -> Forbidden:
    """What the user must not get: as on the next Monday, so that this week's mixtape counts among those around."""
    if not user_id:
        empty, none = np.zeros(2, dtype=np.int64), np.empty(0, dtype=np.int32)
        return Forbidden(empty, none, empty, none)
    return read_forbidden(
        connection,
        shelf,
        np.array([user_id]),
        cutoff=now,
        week=week_of(now, zone) + dt.timedelta(days=7),
        memory_weeks=rules.memory_weeks,
    )


def _chosen(
    shelf: Shelf,
    forbidden: Forbidden,
    scores: npt.NDArray[np.float32],
    fits: npt.NDArray[np.bool_],
    asked: _Asked,
    rules: StationParameters,
) -> Lists:
    """The songs, by the functions that choose a mixtape's: the shelf holds only what fits, and no song is anybody
    else's."""
    from recommenders.mixing.kernels import append_candidates

    offered = np.flatnonzero(fits)
    offered = offered[np.lexsort((offered, -scores[offered]))].astype(np.int32)
    width = max(rules.length, min(len(offered), 20 * rules.length))
    candidates = Candidates(
        np.array([asked.user_id]),
        np.full((1, width), -1, dtype=np.int32),
        np.zeros((1, width), dtype=np.float32),
        np.zeros((1, width), dtype=np.int8),
        np.full(1, np.inf, dtype=np.float32),
    )
    narrow = shelf._replace(eligible=fits)
    append_candidates(
        narrow, forbidden, candidates, np.zeros(1, dtype=np.int64), offered, scores[offered], np.int8(Source.MIX)
    )
    limits = Limits(*(np.array([value]) for value in (rules.length, rules.max_per_artist, rules.max_per_release, 0)))
    return allocate(narrow, candidates, limits, 0, 2, lambda _: forbidden).lists


def _ordered(connection: sa.Connection, artifacts: Artifacts, shelf: Shelf, lists: Lists, now: dt.datetime) -> Lists:
    champion = models.champion(connection, "collaborative")
    model = load_model(artifacts, champion.artifact_uri, champion.model_id) if champion else None
    described = read_described(connection, shelf, now, past=False)
    return in_playing_order(shelf, lists, features_of(shelf, described, model, Cold.none()))


def _reason(known: _Known, asked: _Asked, row: int) -> dict[str, Any]:
    """What put the song there: the tags that it has, the words and the sound that it shares with the seed."""
    strengths, listed = known.tags[[row]].toarray().ravel(), known.listed[[row]].toarray().ravel()
    has = [tag for tag, strength in zip(asked.tags, strengths, strict=True) if strength > 0]
    by_list = bool(has) and bool((listed[strengths > 0] == strengths[strengths > 0]).all())
    found: dict[str, Any] = {"tags": has, "list": known.lists.get(row) if by_list else None}
    if asked.seed < 0:
        return found
    adds = known.terms[[row]].toarray().ravel()
    terms = list(known.telling)
    named = [terms[place] for place in np.argsort(-adds, kind="stable") if adds[place] > 0]
    descriptive = [term for term in named if known.telling[term] > PLAIN_WORD]
    found["shared"] = _not_said_yet(descriptive or named[:1], has)[: max(1, NAMED - len(has))]
    found["near"] = bool(known.sound[row] >= NEAR_SOUND)
    return found | _shared_sound(known.sounds, row, asked.seed)


def _not_said_yet(named: list[str], said: list[str]) -> list[str]:
    """Those of `named` that are no part of what is said, or named before."""
    keys = [f" {editorial.tag_key(text)} " for text in said]
    kept = []
    for text in named:
        key = f" {editorial.tag_key(text)} "
        if not any(key in other for other in keys):
            kept.append(text)
            keys.append(key)
    return kept


def _shared_sound(sounds: likeness.Sounds, row: int, seed: int) -> dict[str, Any]:
    tempi = sounds.figures[[row, seed], 0]
    near = bool(np.isfinite(tempi).all()) and max(tempi) / min(tempi) <= SAME_TEMPO
    same = sounds.key[row] >= 0 and sounds.mode[row] >= 0
    same = same and (sounds.key[row], sounds.mode[row]) == (sounds.key[seed], sounds.mode[seed])
    return {
        "tempo_bpm": round(float(tempi[0]), 1) if near else None,
        "key": int(sounds.key[row]) if same else None,
        "mode": int(sounds.mode[row]) if same else None,
    }


def _nothing_left(asked: _Asked, user: str | None, n_fit: int) -> str:
    if not n_fit:
        return "No song fits all of that. Ask for fewer tags, or for tags without a song."
    whose = f"{user!r} has heard, blocked, or lately got" if asked.user_id else "are left out:"
    return f"{n_fit:,} songs fit, and {whose} all of them. Ask for more, or for other tags."


def _unknown_tag(connection: sa.Connection, tag: str) -> str:
    """What to say of a tag that no song has, with those that are spelt like it."""
    texts = [*attributes.known_tags(connection), *attributes.common_terms(connection, 5_000)]
    by_key = {editorial.tag_key(text): text for text in reversed(texts)}
    near = difflib.get_close_matches(editorial.tag_key(tag), by_key, n=5, cutoff=0.7)
    said = f"No song, no article and no curator's list says {tag!r}."
    return said + (f" Did you mean {', '.join(by_key[key] for key in near)}?" if near else "")
