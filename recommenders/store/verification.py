"""The rules of a mixtape, checked once more on what was written, independently of the code that chose.

Songs, and what a rule says about them, are read back from Postgres and compared as sorted arrays: a quarter of the
time of the same comparisons as joins.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import own_taste
from recommenders.store.blocks import blocked_terms, read_called_as_blocked
from recommenders.store.bulk import copy_out
from recommenders.store.database import glance
from recommenders.store.dials import Dials
from recommenders.store.eligibility import read_forbidden_artists
from recommenders.store.mixtapes import Edition
from recommenders.store.partitions import playlist_partition
from recommenders.store.places import places_of
from recommenders.store.signals import Pairs, contained

Ids = npt.NDArray[np.int64]

_PAIR = [("user_id", "i8"), ("item_id", "i8")]
_EXPOSURE, _ARTIST, _ORDER = 1, 3, 4  # bends: what was given up for a song, so that it may break that rule

_SONGS = """
    SELECT p.user_id, song.track_id, song.source, song.reason, song.bend, song.position
    FROM playlists p, unnest(p.track_ids, p.sources, p.reason_codes, p.bends)
                      WITH ORDINALITY AS song (track_id, source, reason, bend, position)
    WHERE p.week = %(week)s AND p.edition_id = %(edition_id)s AND p.user_id >= %(low)s AND p.user_id < %(high)s
      AND song.track_id IS NOT NULL
"""

# Each query counts lists that break a rule.
_LISTS = {
    "users without a list": """
        SELECT count(*) FROM users u
        WHERE u.user_id >= :low AND u.user_id < :high AND (u.created_at IS NULL OR u.created_at < :cutoff)
          AND NOT EXISTS (SELECT FROM playlists p
                          WHERE p.week = :week AND p.edition_id = :edition_id AND p.user_id = u.user_id
                            AND p.user_id >= :low AND p.user_id < :high)
    """,
    "lists that are neither full nor say why they are short": """
        SELECT count(*)
        FROM playlists p
             LEFT JOIN unnest(CAST(:own_users AS bigint[]), CAST(:own_lengths AS int[])) AS own (user_id, length)
                       USING (user_id),
             coalesce(own.length, :length) AS wanted
        WHERE week = :week AND edition_id = :edition_id AND user_id >= :low AND user_id < :high
          AND (cardinality(track_ids) > wanted OR (cardinality(track_ids) < wanted) <> (short_reason > 0)
               OR cardinality(track_ids) <> ANY (ARRAY[cardinality(scores), cardinality(sources),
                                                       cardinality(reason_codes), cardinality(bends),
                                                       cardinality(reason_ids) / 2,
                                                       coalesce(cardinality(reason_terms) / 2, cardinality(track_ids)),
                                                       coalesce(cardinality(teams), cardinality(track_ids))]))
    """,
}

# Each query gives the tracks that a user must not get, in any version.
_FORBIDDEN_TRACKS = {
    "songs already heard": """
        SELECT user_id, track_id FROM heard
        WHERE user_id >= %(low)s AND user_id < %(high)s AND first_at < %(cutoff)s
    """,
    "songs blocked": """
        SELECT user_id, track_id FROM blocks
        WHERE user_id >= %(low)s AND user_id < %(high)s AND track_id IS NOT NULL
          AND since < %(cutoff)s AND until > %(cutoff)s
    """,
    "songs recommended in the weeks around": """
        SELECT p.user_id, unnest(p.track_ids)
        FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
        WHERE p.user_id >= %(low)s AND p.user_id < %(high)s AND w.week <> %(week)s
          AND w.week BETWEEN %(week)s - 7 * %(memory_weeks)s AND %(week)s + 7 * %(memory_weeks)s
    """,
}
_BLOCKED_ARTISTS = """
    SELECT user_id, artist_id FROM blocks
    WHERE user_id >= %(low)s AND user_id < %(high)s AND artist_id IS NOT NULL
      AND since < %(cutoff)s AND until > %(cutoff)s
"""


@dataclass(frozen=True)
class Reference:
    """The catalogue as the rules need it, ordered by track."""

    track_ids: Ids  # (n_tracks,) ascending
    works: Ids
    releases: Ids  # 0 = none
    known: npt.NDArray[np.bool_]  # uploaded before the cut-off, or at an unknown time
    credit_offsets: npt.NDArray[np.intp]  # (n_tracks + 1,) where the artists of each track begin
    artists: Ids


def read_reference(connection: sa.Connection, cutoff: dt.datetime) -> Reference:
    """What the lists are checked against, as of the cut-off."""
    tracks = copy_out(
        connection,
        "SELECT track_id, work_id, coalesce(release_id, 0), uploaded_at IS NULL OR uploaded_at < %(cutoff)s "
        "FROM tracks ORDER BY track_id",
        [("track_id", "i8"), ("work_id", "i8"), ("release_id", "i8"), ("known", "?")],
        {"cutoff": cutoff},
    )
    credits = copy_out(
        connection,
        "SELECT track_id, artist_id FROM track_artists ORDER BY track_id",
        [("track_id", "i8"), ("artist_id", "i8")],
    )
    offsets = np.searchsorted(credits["track_id"], np.append(tracks["track_id"], np.iinfo(np.int64).max))
    return Reference(
        tracks["track_id"], tracks["work_id"], tracks["release_id"], tracks["known"], offsets, credits["artist_id"]
    )


def refresh_statistics(connection: sa.Connection, edition: Edition) -> None:
    """Tell the planner what was written for the week: it would take the lists for few, and compare each with each."""
    glance(connection, playlist_partition(edition.week))


@dataclass(frozen=True)
class Found:
    """What is on some of an edition's lists, and how often they break a rule."""

    broken: Counter[str]
    lists: Counter[str]  # `playlists`, and the `short` ones among them
    sources: Counter[int]  # songs by code
    reasons: Counter[int]
    exposure: Ids  # (n_tracks,) lists that each track is on without its exposure being marked as bent

    def __add__(self, other: "Found") -> "Found":
        return Found(*(one + more for one, more in zip(vars(self).values(), vars(other).values(), strict=True)))


def check_lists(
    connection: sa.Connection,
    reference: Reference,
    edition: Edition,
    rules: Mapping[str, Any],
    dials: Dials,
    users: tuple[int, int],
) -> Found:
    """Look at the edition's lists of the half-open range `users`; `rules` are those of a mixtape, by name, `dials` the
    listeners' own."""
    values = {**rules, **_of(edition), "low": users[0], "high": users[1]}
    own_length = dials.of("length", dials.user_ids, rules["length"])
    values |= {"own_users": dials.user_ids.tolist(), "own_lengths": own_length.tolist()}
    columns = [*_PAIR, ("source", "i2"), ("reason", "i2"), ("bend", "i2"), ("position", "i8")]
    owners, track_ids, sources, reasons, bends, positions = copy_out(connection, _SONGS, columns, values).values()
    places = places_of(reference.track_ids, track_ids)
    there = places >= 0
    broken = Counter({rule: connection.execute(sa.text(query), values).scalar_one() for rule, query in _LISTS.items()})
    broken["songs that are not in the catalogue"] = int((~there).sum())
    owners, places, own_bends = owners[there], places[there], bends[there]
    broken["songs uploaded after the cut-off"] = int((~reference.known[places]).sum())
    works = Pairs(owners, reference.works[places])
    broken["songs twice on one list, in whatever version"] = _too_many(works, 1)
    for rule, query in _FORBIDDEN_TRACKS.items():
        forbidden = _versions(reference, Pairs(*copy_out(connection, query, _PAIR, values).values()))
        broken[rule] = int(contained(works, forbidden).sum())
    called = _versions(reference, Pairs(*read_called_as_blocked(connection, edition.cutoff, users).values()))
    broken["songs that are called what is blocked"] = int(contained(works, called).sum())
    songs, credited = _credits(reference, places)
    artists = Pairs(owners[songs], credited)
    blocked = Pairs(*copy_out(connection, _BLOCKED_ARTISTS, _PAIR, values).values())
    broken["songs blocked"] += len(np.unique(songs[contained(artists, blocked)]))
    unbent = own_bends != _ARTIST
    broken["artists with too many songs on one list"] = _over_limit(
        artists.take(unbent[songs]), dials, "max_per_artist", rules
    )
    on_release = unbent & (reference.releases[places] > 0)
    releases = Pairs(owners, reference.releases[places]).take(on_release)
    broken["releases with too many songs on one list"] = _over_limit(releases, dials, "max_per_release", rules)
    broken["songs of one artist in a row"] = _in_a_row(reference, owners, places, own_bends, positions[there])
    unmarked = places[~np.isin(own_bends, (_EXPOSURE, _ARTIST))]
    return Found(
        broken,
        _count_lists(connection, values),
        _count(sources),
        _count(reasons),
        np.bincount(unmarked, minlength=len(reference.track_ids)),
    )


def _count_lists(connection: sa.Connection, values: Mapping[str, Any]) -> Counter[str]:
    row = connection.execute(
        sa.text("""
            SELECT count(*) AS playlists, count(*) FILTER (WHERE short_reason > 0) AS short FROM playlists
            WHERE week = :week AND edition_id = :edition_id AND user_id >= :low AND user_id < :high
        """),
        values,
    ).one()
    return Counter(row._mapping)


def _count(codes: npt.NDArray[np.int16]) -> Counter[int]:
    return Counter(dict(zip(*(column.tolist() for column in np.unique(codes, return_counts=True)), strict=True)))


def _over_limit(pairs: Pairs, dials: Dials, name: str, rules: Mapping[str, Any]) -> int:
    """How many (user, item) pairs occur more often than the user's own limit `name` allows, or else the rules."""
    own = dials.of(name, dials.user_ids, rules[name])
    others = dials.user_ids[own != rules[name]]
    if not len(others):
        return _too_many(pairs, rules[name])
    found = _too_many(pairs.take(~np.isin(pairs.user_ids, others)), rules[name])
    for most in np.unique(own[own != rules[name]]):
        found += _too_many(pairs.take(np.isin(pairs.user_ids, dials.user_ids[own == most])), int(most))
    return found


def _too_many(pairs: Pairs, most: int) -> int:
    """How many (user, item) pairs occur more than `most` times."""
    if len(pairs) <= most:
        return 0
    keys = np.sort(pairs.user_ids * (pairs.track_ids.max() + 1) + pairs.track_ids)
    return len(np.unique(keys[most:][keys[most:] == keys[: len(keys) - most]]))


def _in_a_row(
    reference: Reference, owners: Ids, places: npt.NDArray[np.intp], bends: npt.NDArray[np.int16], positions: Ids
) -> int:
    """How many songs have a credited artist of the song before them, without either being marked as bent for it.

    A song has room for one mark: where both are bent for something else, they may.
    """
    order = np.lexsort((positions, owners))
    one, other = order[:-1], order[1:]
    excused = (bends[one] == _ORDER) | (bends[other] == _ORDER) | ((bends[one] > 0) & (bends[other] > 0))
    asked = (owners[one] == owners[other]) & (positions[other] == positions[one] + 1) & ~excused
    before, artists_before = _credits(reference, places[one[asked]])
    after, artists_after = _credits(reference, places[other[asked]])
    shared = contained(Pairs(after, artists_after), Pairs(before, artists_before))
    return len(np.unique(after[shared]))


def _versions(reference: Reference, forbidden: Pairs) -> Pairs:
    """The works of tracks in place of the tracks; a track that is not in the catalogue is left out."""
    places = places_of(reference.track_ids, forbidden.track_ids)
    there = places >= 0
    return Pairs(forbidden.user_ids[there], reference.works[places[there]])


def _credits(reference: Reference, places: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], Ids]:
    """Every credit of the tracks at `places`: which of `places` it belongs to, and the artist."""
    first = reference.credit_offsets[places]
    counts = reference.credit_offsets[places + 1] - first
    songs = np.repeat(np.arange(len(places)), counts)
    return songs, reference.artists[np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())]


def broken_rules(found: Found, exposure_cap: int) -> dict[str, int]:
    """How often each rule is broken, that of wallpaper too; empty when all are kept."""
    wallpaper = {"songs on too many lists": int((found.exposure > exposure_cap).sum())}
    return {rule: count for rule, count in (found.broken | wallpaper).items() if count}


def figures(connection: sa.Connection, found: Found) -> dict[str, Any]:
    """Lists, short lists, and songs by source and by reason."""
    counted: dict[str, Any] = {name: found.lists[name] for name in ("playlists", "short")}
    for name, codes in (("source", found.sources), ("reason", found.reasons)):
        names = sa.text(f"SELECT {name}_name(code) FROM unnest(CAST(:codes AS smallint[])) AS code")  # noqa: S608 - one of two
        spelt = connection.execute(names, {"codes": list(codes)}).scalars()
        counted[f"songs_by_{name}"] = dict(Counter(dict(zip(spelt, codes.values(), strict=True))).most_common())
    return counted


def _of(edition: Edition) -> dict[str, Any]:
    return {"week": edition.week, "edition_id": edition.edition_id, "cutoff": edition.cutoff}


# Each query gives the detail of one rule that keeps :track from the list of :user, or no row.
_AGAINST = {
    "It was uploaded after the cut-off": """
        SELECT 'on ' || uploaded_at::date FROM tracks WHERE track_id = :track AND uploaded_at >= :cutoff
    """,
    "Already heard": """
        SELECT CASE WHEN h.track_id = :track THEN 'itself' ELSE 'as “' || v.title || '”' END
               || CASE WHEN isfinite(h.first_at) THEN ', first on ' || h.first_at::date ELSE '' END
        FROM tracks t JOIN tracks v USING (work_id) JOIN heard h ON h.track_id = v.track_id
        WHERE t.track_id = :track AND h.user_id = :user AND h.first_at < :cutoff
        ORDER BY h.track_id <> :track, h.first_at LIMIT 1
    """,
    "Blocked": """
        SELECT 'since ' || b.since::date FROM tracks t JOIN tracks v USING (work_id)
        JOIN blocks b ON b.track_id = v.track_id
        WHERE t.track_id = :track AND b.user_id = :user AND b.since < :cutoff AND b.until > :cutoff LIMIT 1
    """,
    "Recommended in the weeks around": """
        SELECT 'in the week of ' || w.week
        FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
        JOIN tracks v ON v.track_id = ANY (p.track_ids) JOIN tracks t USING (work_id)
        WHERE t.track_id = :track AND p.user_id = :user AND w.week <> :week
          AND w.week BETWEEN :week - 7 * :memory_weeks AND :week + 7 * :memory_weeks
        ORDER BY w.week LIMIT 1
    """,
    "Another version of it is on the mixtape": """
        SELECT '“' || v.title || '”' FROM tracks t JOIN tracks v USING (work_id)
        JOIN playlist_tracks p ON p.track_id = v.track_id
        WHERE t.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user LIMIT 1
    """,
    "Its artist is on the mixtape as often as allowed": """
        SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
        JOIN track_artists other USING (artist_id) JOIN playlist_tracks p ON p.track_id = other.track_id
        WHERE c.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user
        GROUP BY a.artist_id HAVING count(*) >= :max_per_artist LIMIT 1
    """,
    "Its release is on the mixtape as often as allowed": """
        SELECT r.title FROM tracks t JOIN releases r USING (release_id) JOIN tracks other USING (release_id)
        JOIN playlist_tracks p ON p.track_id = other.track_id
        WHERE t.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user
        GROUP BY r.release_id HAVING count(*) >= :max_per_release LIMIT 1
    """,
}


def rules_against(connection: sa.Connection, edition: Edition, user_id: int, track_id: int) -> list[str]:
    """The rules that keep a track from a user's list in this edition, as sentences; empty when none does."""
    values = {
        "user": user_id,
        "track": track_id,
        "week": edition.week,
        "edition_id": edition.edition_id,
        "cutoff": edition.cutoff,
        **edition.parameters,
    }
    found = {rule: connection.execute(sa.text(query), values).scalar() for rule, query in _AGAINST.items()}
    lines = [f"{rule}: {detail}." for rule, detail in found.items() if detail]
    artists = read_forbidden_artists(
        connection, edition.cutoff, edition.week, edition.parameters["memory_weeks"], (user_id, user_id + 1)
    )["item_id"]
    foreign = own_taste.forbidden(connection, "artist", edition.cutoff, (user_id, user_id + 1))["item_id"]
    for why, ids in (
        ("Its artist is not of the user's own taste, or may not be (mixtape taste)", foreign),
        ("Its artist is blocked by the user, or cooling off after being ignored", np.setdiff1d(artists, foreign)),
    ):
        name = connection.execute(
            sa.text("""
                SELECT string_agg(name, ', ') FROM track_artists JOIN artists USING (artist_id)
                WHERE track_id = :track AND artist_id = ANY (:artists)
            """),
            {"track": track_id, "artists": ids.tolist()},
        ).scalar()
        if name:
            lines.append(f"{why}: {name}.")
    if track_id in read_called_as_blocked(connection, edition.cutoff, (user_id, user_id + 1))["item_id"]:
        terms = ", ".join(blocked_terms(connection, user_id, edition.cutoff))
        lines.append(f"It is called something that the user blocks: {terms}.")
    return lines
