"""The invented catalogue: artists, works, their versions as tracks, and how each track truly sounds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.demo.genres import AXES, CHILDRENS, FIRST_NAMES, GENRES, MOTIFS, PLAIN_NAMES, profiles
from recommenders.demo.names import artist_name, song_title, version_release, version_title

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

N_SCENES = 4
TRACKS_PER_ARTIST = 10
VERSION_SHARE = 0.12
UNPLAYED_SHARE = 0.05
_ALBUM_SONGS = 10
_VERSION_KINDS = ("live", "remaster", "acoustic", "re-upload", "radio edit")
_VERSION_SHARES = (0.35, 0.25, 0.15, 0.12, 0.13)
_DAY_S = 86_400


@dataclass(frozen=True)
class Artists:
    """The artists; every array and tuple is in the order of `ids`.

    `styles` (n_artists, n_style) float32 has unit rows: the first columns are genres.AXES, the others the artist's
    scene, which cuts across genres. `words` are those that people use for the artist.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    aliases: tuple[tuple[str, ...], ...]
    genre: Ints
    styles: Floats
    popularity: Floats
    words: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Tracks:
    """The tracks; every array and tuple is in the order of `ids`.

    `work` numbers the works: the versions of one song share one. `version` says which kind a track is ("" for the
    original). `main_artists` are indices into Artists, the first is `artist`, the work's own; `featured` is the guest's
    (-1 = none). `popularity` is the exposure of a track, as a weight. `uploaded_at` and `surfaces_at` are unix seconds:
    before `surfaces_at` nobody comes across the track; the `unplayed` surface only in the four weeks after the demo.
    `styles` (n_tracks, n_style) float32 has unit rows. `key` 0 is C, `mode` 1 is major, `metre` is in beats per bar.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    main_artists: tuple[tuple[int, ...], ...]
    artist: Ints
    featured: Ints
    releases: tuple[str, ...]
    isrcs: tuple[str | None, ...]
    duration_s: Floats
    uploaded_at: Ints
    surfaces_at: Ints
    unplayed: Bools
    work: Ints
    version: tuple[str, ...]
    genre: Ints
    popularity: Floats
    styles: Floats
    tempo_bpm: Floats
    energy: Floats
    key: Ints
    mode: Ints
    metre: Ints

    @property
    def for_children(self) -> Bools:
        """(n_tracks,) bool: is the track children's music."""
        return np.asarray(self.genre == CHILDRENS)


def make_artists(n_artists: int, rng: np.random.Generator) -> Artists:
    """`n_artists` invented artists over all genres, with styles of their own inside their genre."""
    genre = _artist_genres(n_artists, rng)
    taken: set[str] = set()
    names = _with_plain_names([artist_name(GENRES[g], rng, taken) for g in genre], genre)
    styles = np.hstack([profiles()[genre], np.zeros((n_artists, N_SCENES), dtype=np.float32)])
    styles[:, : len(AXES)] += rng.normal(0, 0.26, (n_artists, len(AXES)))
    styles[:, len(AXES) :] += rng.normal(0, 0.25, (n_artists, N_SCENES))
    rank = rng.permutation(n_artists) + 1
    return Artists(
        ids=tuple(f"a{index:04d}" for index in range(1, n_artists + 1)),
        names=names,
        aliases=tuple(_aliases(name, rng, taken) for name in names),
        genre=genre,
        styles=unit(styles),
        popularity=(rank**-0.6).astype(np.float32),
        words=tuple(_artist_words(int(g), style, rng) for g, style in zip(genre, styles, strict=True)),
    )


def make_tracks(artists: Artists, n_tracks: int, weeks: int, now_s: int, rng: np.random.Generator) -> Tracks:
    """`n_tracks` tracks: works with their releases, some versions of them, and some that nobody has heard yet."""
    n_versions = round(n_tracks * VERSION_SHARE)
    works = _make_works(artists, n_tracks - n_versions, weeks, now_s, rng)
    original = np.concatenate([np.arange(len(works.titles)), _works_with_versions(works, n_versions, rng)])
    sounds = _make_sounds(works.artist, artists, rng)
    version, titles, releases = _name_versions(works, original, rng)
    uploaded_at = _upload_versions(works.uploaded_at[original], version, now_s, rng)
    week_s = 7 * _DAY_S
    weeks_before = (now_s - uploaded_at) // week_s
    unplayed = works.unplayed[original] & (np.array(version) == "")
    is_version = np.array(version) != ""
    return Tracks(
        ids=tuple(f"t{index:05d}" for index in range(1, n_tracks + 1)),
        titles=titles,
        main_artists=tuple(works.main_artists[w] for w in original),
        artist=works.artist[original],
        featured=works.featured[original],
        releases=releases,
        isrcs=_isrcs(original, version, rng),
        duration_s=_durations(works.artist, artists, original, version, rng),
        uploaded_at=uploaded_at,
        surfaces_at=now_s + week_s * np.where(unplayed, rng.integers(0, 4, n_tracks), -weeks_before),
        unplayed=unplayed,
        work=original,
        version=version,
        genre=artists.genre[works.artist[original]],
        popularity=(works.popularity[original] * np.where(is_version, rng.uniform(0.05, 0.35, n_tracks), 1)).astype(
            np.float32
        ),
        **{name: values[original] for name, values in sounds.items() if name != "tempo_bpm"},
        tempo_bpm=_tempos(sounds["tempo_bpm"][original], version, rng),
    )


@dataclass(frozen=True)
class _Works:
    titles: tuple[str, ...]
    main_artists: tuple[tuple[int, ...], ...]
    artist: Ints
    featured: Ints
    releases: tuple[str, ...]
    uploaded_at: Ints
    unplayed: Bools
    popularity: Floats


def _artist_genres(n_artists: int, rng: np.random.Generator) -> Ints:
    """A genre for each artist, by the genres' shares."""
    reached = np.cumsum([genre.share for genre in GENRES])
    return rng.permutation(np.searchsorted(reached, (np.arange(n_artists) + 0.5) / n_artists * reached[-1]))


def _with_plain_names(names: list[str], genre: Ints) -> tuple[str, ...]:
    """The names, but for the first artist of some genres, which is called like something else."""
    for number, kind in enumerate(GENRES):
        if kind.name in PLAIN_NAMES and number in genre:
            names[int(np.argmax(genre == number))] = PLAIN_NAMES[kind.name]
    return tuple(names)


def _aliases(name: str, rng: np.random.Generator, taken: set[str]) -> tuple[str, ...]:
    """Another spelling for a few artists: "and" for "&", an initial for a first name, with or without "The"."""
    if rng.random() > 0.08:
        return ()
    first, _, rest = name.partition(" ")
    if "&" in name:
        other = name.replace("&", "and")
    elif first == "The":
        other = rest
    elif first in FIRST_NAMES and rest.isalpha():
        other = f"{first[0]}. {rest}"
    else:
        other = f"The {name}"
    if other in taken:
        return ()
    taken.add(other)
    return (other,)


def _artist_words(genre: int, style: Floats, rng: np.random.Generator) -> tuple[str, ...]:
    """Words of the artist's genre, of the ends of the axes where the artist stands out, and motifs of its own."""
    axes = np.argsort(-np.abs(style[: len(AXES)]))[:3]
    ends = [AXES[axis][int(style[axis] > 0)] for axis in axes]
    return (
        *(GENRES[genre].words[i] for i in rng.permutation(len(GENRES[genre].words))[:5]),
        *(end[int(rng.integers(len(end)))] for end in ends),
        *(MOTIFS[i] for i in rng.permutation(len(MOTIFS))[:2]),
    )


def _make_works(artists: Artists, n_works: int, weeks: int, now_s: int, rng: np.random.Generator) -> _Works:
    """The songs themselves: whose they are, what they are called, on which release, since when, how well known."""
    artist = _artists_of_works(artists, n_works, rng)
    position = np.arange(n_works) - np.searchsorted(artist, artist)
    unplayed = np.zeros(n_works, dtype=bool)
    unplayed[rng.choice(n_works, round(n_works * UNPLAYED_SHARE / (1 - VERSION_SHARE)), replace=False)] = True
    release_number = np.where(unplayed, -1 - np.arange(n_works), position // _ALBUM_SONGS)
    _, release = np.unique(np.stack([artist, release_number]), axis=1, return_inverse=True)
    featured = np.where(rng.random(n_works) < 0.06, _partners(artists, artist, rng), -1)
    partner = np.where((rng.random(n_works) < 0.03) & (featured < 0), _partners(artists, artist, rng), -1)
    titles = _work_titles(artists, artist, featured, rng)
    popularity = artists.popularity[artist] * rng.lognormal(0, 0.6, n_works)
    return _Works(
        titles=titles,
        main_artists=tuple((int(a), int(p)) if p >= 0 else (int(a),) for a, p in zip(artist, partner, strict=True)),
        artist=artist,
        featured=featured,
        releases=_release_names(artists, artist, release, titles, rng),
        uploaded_at=_upload_times(release, unplayed, weeks, now_s, rng),
        unplayed=unplayed,
        popularity=(popularity / popularity.mean()).astype(np.float32),
    )


def _artists_of_works(artists: Artists, n_works: int, rng: np.random.Generator) -> Ints:
    """The artist of each work, ascending: at least one work each, many for a few."""
    n_artists = len(artists.ids)
    weights = rng.lognormal(0, 0.7, n_artists)
    more = rng.choice(n_artists, n_works - n_artists, p=weights / weights.sum())
    return np.sort(np.concatenate([np.arange(n_artists), more]))


def _partners(artists: Artists, artist: Ints, rng: np.random.Generator) -> Ints:
    """For each work another artist, of the same genre, that could sing along (-1 where the artist is alone in it)."""
    partners = np.full(len(artist), -1)
    for genre in range(len(GENRES)):
        members = np.flatnonzero(artists.genre == genre)
        rows = np.flatnonzero(artists.genre[artist] == genre)
        if len(members) > 1:
            place = np.searchsorted(members, artist[rows])
            partners[rows] = members[(place + rng.integers(1, len(members), len(rows))) % len(members)]
    return partners


def _work_titles(artists: Artists, artist: Ints, featured: Ints, rng: np.random.Generator) -> tuple[str, ...]:
    """A title for each work, unlike every other title of its artist; the guest is named in it."""
    taken: dict[int, set[str]] = {}
    usual: set[str] = set()
    titles = []
    for a, guest in zip(artist.tolist(), featured.tolist(), strict=True):
        title = song_title(GENRES[int(artists.genre[a])], rng, taken.setdefault(a, set()), usual)
        if guest >= 0:
            form = " (feat. {})" if rng.random() < 0.8 else " feat. {}"
            title += form.format(artists.names[guest])
        titles.append(title)
    return tuple(titles)


def _release_names(
    artists: Artists, artist: Ints, release: Ints, titles: tuple[str, ...], rng: np.random.Generator
) -> tuple[str, ...]:
    """The release of each work: an album named after one of its songs or in the genre's manner, or a single."""
    n_songs = np.bincount(release)
    names: dict[int, str] = {}
    taken: dict[int, set[str]] = {}
    usual: set[str] = set()
    for a, r, title in zip(artist.tolist(), release.tolist(), titles, strict=True):
        if r in names:
            continue
        if n_songs[r] == 1:
            names[r] = f"{title.partition(' (feat.')[0].partition(' feat.')[0]} - Single"
        else:
            names[r] = song_title(GENRES[int(artists.genre[a])], rng, taken.setdefault(a, set()), usual)
    return tuple(names[r] for r in release.tolist())


def _upload_times(release: Ints, unplayed: Bools, weeks: int, now_s: int, rng: np.random.Generator) -> Ints:
    """When each work was uploaded, with its release: most long ago, a sixth during the demo's weeks."""
    n_releases = int(release.max()) + 1
    recent = rng.random(n_releases) < 0.16
    first_days = weeks * 7
    age_days = np.where(recent, rng.uniform(8, first_days, n_releases), first_days + rng.exponential(700, n_releases))
    age_s = np.where(unplayed, rng.uniform(0.2, 18, len(release)), age_days[release]) * _DAY_S
    return now_s - age_s.astype(np.int64)


def _works_with_versions(works: _Works, n_versions: int, rng: np.random.Generator) -> Ints:
    """The work of each further version: well-known songs have more of them; never one that nobody has heard."""
    weights = np.where(works.unplayed, 0, np.sqrt(works.popularity))
    slots = np.repeat(weights, 2)  # at most two further versions of a work
    return np.sort(rng.choice(len(slots), n_versions, replace=False, p=slots / slots.sum()) // 2)


def _name_versions(
    works: _Works, original: Ints, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Kind ("" for the original), title and release of each track; two versions of a work are of two kinds."""
    n_works = len(works.titles)
    kinds, titles, releases = [""] * n_works, list(works.titles), list(works.releases)
    previous = (-1, "")
    for work in original[n_works:].tolist():
        kind = str(rng.choice(_VERSION_KINDS, p=_VERSION_SHARES))
        while previous == (work, kind):
            kind = str(rng.choice(_VERSION_KINDS, p=_VERSION_SHARES))
        previous = (work, kind)
        title = works.titles[work]
        kinds.append(kind)
        titles.append(version_title(title, kind, int(rng.integers(1999, 2025)), rng))
        releases.append(version_release(works.releases[work], title, kind))
    return tuple(kinds), tuple(titles), tuple(releases)


def _upload_versions(uploaded_at: Ints, version: tuple[str, ...], now_s: int, rng: np.random.Generator) -> Ints:
    """When each track was uploaded: a version after its original, and a week before now at the latest."""
    room_s = np.maximum(now_s - 8 * _DAY_S - uploaded_at, 0)
    later_s = (rng.beta(1, 2, len(uploaded_at)) * room_s).astype(np.int64)
    return uploaded_at + np.where(np.array(version) == "", 0, later_s)


def _durations(
    artist: Ints, artists: Artists, original: Ints, version: tuple[str, ...], rng: np.random.Generator
) -> Floats:
    """Length of each track in seconds, to a tenth; a re-upload and a remaster are as long as the original."""
    typical = np.array([genre.duration_s for genre in GENRES])[artists.genre[artist]]
    duration = np.clip(typical * rng.lognormal(0, 0.18, len(artist)), 75, 900)[original]
    n = len(original)
    kind = np.array(version)
    duration *= np.select(
        [kind == "live", kind == "acoustic", kind == "radio edit"],
        [rng.uniform(1.03, 1.3, n), rng.uniform(0.85, 1.1, n), rng.uniform(0.6, 0.85, n)],
        1.0,
    )
    duration += np.select([kind == "remaster", kind == "re-upload"], [rng.normal(0, 1, n), rng.normal(0, 0.2, n)], 0.0)
    return np.round(np.maximum(duration, 65), 1).astype(np.float32)


def _isrcs(original: Ints, version: tuple[str, ...], rng: np.random.Generator) -> tuple[str | None, ...]:
    """An invented ISRC for six in ten tracks, of a country that is none; a re-upload keeps the original's."""
    known = rng.random(len(original)) < 0.6
    number = np.where(np.array(version) == "re-upload", original, np.arange(len(original)))
    known |= (np.array(version) == "re-upload") & known[original]
    return tuple(
        f"ZZDEM{99_00000 + n:07d}" if k else None for k, n in zip(known.tolist(), number.tolist(), strict=True)
    )


def _make_sounds(artist: Ints, artists: Artists, rng: np.random.Generator) -> dict[str, Any]:
    """How each work sounds: its style, and tempo, energy, key, mode and metre as they follow from style and genre."""
    n = len(artist)
    genre = artists.genre[artist]
    noise = rng.normal(0, 0.07, (n, artists.styles.shape[1])).astype(np.float32)
    styles = unit(artists.styles[artist] + noise)
    dark, drive, dense = -styles[:, 0], styles[:, 1], styles[:, 2]
    slowest, fastest = np.array([g.tempo_bpm for g in GENRES])[genre].T
    place = np.clip(0.5 + 0.5 * (drive - np.array(profiles())[genre, 1] * 0.6) + rng.normal(0, 0.15, n), 0, 1)
    minor = np.array([g.minor_share for g in GENRES])[genre]
    return {
        "styles": styles,
        "tempo_bpm": np.round(slowest + (fastest - slowest) * place, 1).astype(np.float32),
        "energy": (1 / (1 + np.exp(-(3 * drive + 2 * dense + rng.normal(0, 0.3, n))))).astype(np.float32),
        "key": rng.integers(0, 12, n),
        "mode": (rng.random(n) > np.clip(minor + 0.3 * dark, 0.02, 0.98)).astype(np.int64),
        "metre": _metres(genre, rng),
    }


def _tempos(tempo_bpm: Floats, version: tuple[str, ...], rng: np.random.Generator) -> Floats:
    """The tempo of each track: on a stage a song is played a little faster than in the studio, unplugged slower."""
    kind, n = np.array(version), len(version)
    pace = np.select([kind == "live", kind == "acoustic"], [rng.uniform(1.02, 1.06, n), rng.uniform(0.92, 0.97, n)], 1)
    return np.round(tempo_bpm * pace, 1).astype(np.float32)


def _metres(genre: Ints, rng: np.random.Generator) -> Ints:
    """Beats per bar of each work, drawn from its genre's metres."""
    metre = np.empty(len(genre), dtype=np.int64)
    for index, kind in enumerate(GENRES):
        rows = np.flatnonzero(genre == index)
        metre[rows] = rng.choice(list(kind.metres), len(rows), p=list(kind.metres.values()))
    return metre


def unit(vectors: Floats) -> Floats:
    """`vectors` scaled to unit length along their last axis, as float32."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)
