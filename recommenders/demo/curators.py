"""The demo's curators: a few lists of songs that sound as their tags say, as playlists and as a table.

Half of them show one end of a genre, half a mood across genres. Curators go by what they hear, which is how the songs
are planted, and by nothing that listeners did. They name songs in all the ways in which people do: by id, and by artist
and title.
"""

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommenders.demo.catalogue import Artists, Tracks
from recommenders.demo.files import credited_as
from recommenders.demo.genres import AXES, CHILDRENS, GENRE_NAMES, GENRES

SONGS_PER_LIST = 25
MOODS = (
    ("Rainy window", "Bea", (-1, -1, 0, 0, 0, 0, 0, 0)),
    ("Night drive", "Milan", (-1, 1, 0, 1, 0, 0, 0, 0)),
    ("Kitchen on Sunday", "Bea", (0, -1, 0, -1, 0, 1, 0, 0)),
    ("Up and out", "Noor", (1, 1, 0, 0, 1, 0, 0, 0)),
    ("Odd corners", "Milan", (0, 0, 0, 0, -1, 0, 0, 1)),
    ("Headphones", "Noor", (0, 0, 1, 1, -1, 0, 0, 0)),
)  # how far a list leans to the low (-1) or the high end (1) of each axis
SHOWN_GENRES = 6
WITHDRAWN = "Odd corners"
XSPF = "http://xspf.org/ns/0/"


@dataclass(frozen=True)
class CuratedList:
    """A list: its name, who made it, what it suits, and indices into the tracks."""

    name: str
    curator: str
    tags: tuple[str, ...]
    songs: tuple[int, ...]

    @property
    def withdrawn(self) -> bool:
        """Whether its curator has taken it back."""
        return self.name == WITHDRAWN


def curate(tracks: Tracks, seed: int, now_s: int) -> list[CuratedList]:
    """The lists of this service: originals only, uploaded before `now_s` and known to somebody."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(AXES), SHOWN_GENRES]))
    original = np.array([version == "" for version in tracks.version])
    open_to = original & ~tracks.for_children & ~tracks.unplayed & (tracks.uploaded_at < now_s)
    styles = tracks.styles[:, : len(AXES)]
    lists = []
    for name, curator, leans in MOODS:
        tags = tuple(axis[lean > 0][0] for axis, lean in zip(AXES, leans, strict=True) if lean)
        lists.append(CuratedList(name, curator, tags, _best(tracks, open_to, styles @ np.array(leans))))
    grown_up = [number for number in range(len(GENRES)) if number != CHILDRENS]
    for number in sorted(rng.choice(grown_up, SHOWN_GENRES, replace=False).tolist()):
        genre = GENRES[number]
        words = tuple(genre.words[place] for place in sorted(rng.choice(8, 2, replace=False).tolist()))
        lean = rng.normal(size=len(AXES))
        songs = _best(tracks, open_to & (tracks.genre == number), styles @ lean)
        lists.append(CuratedList(f"{genre.name.capitalize()}, {words[0]}", "Ida", (GENRE_NAMES[number], *words), songs))
    return lists


def _best(tracks: Tracks, open_to: np.ndarray, scores: np.ndarray) -> tuple[int, ...]:
    """The songs that fit best, at most two of an artist."""
    chosen: list[int] = []
    of_artist: dict[int, int] = {}
    for track in np.lexsort((np.arange(len(scores)), -scores)).tolist():
        artist = int(tracks.artist[track])
        if open_to[track] and of_artist.get(artist, 0) < 2 and len(chosen) < SONGS_PER_LIST:
            chosen.append(track)
            of_artist[artist] = of_artist.get(artist, 0) + 1
    return tuple(chosen)


def write_lists(folder: Path, artists: Artists, tracks: Tracks, lists: list[CuratedList]) -> None:
    """Write `folder`/lists.csv with half of the lists, and a playlist file for each of the others."""
    folder.mkdir(parents=True, exist_ok=True)
    by_name = {track: _named(artists, tracks, track) for one in lists for track in one.songs}
    _write_table(folder / "lists.csv", tracks, by_name, lists[::2])
    for number, one in enumerate(lists[1::2]):
        stem = folder / one.name.lower().replace(",", "").replace(" ", "-")
        if number % 3 == 0:
            _write_m3u8(stem.with_suffix(".m3u8"), by_name, one)
        elif number % 3 == 1:
            _write_xspf(stem.with_suffix(".xspf"), tracks, by_name, one)
        else:
            _write_jspf(stem.with_suffix(".jspf"), tracks, by_name, one)


def _named(artists: Artists, tracks: Tracks, track: int) -> tuple[str, str]:
    names = ", ".join(credited_as(artists, artist, track) for artist in tracks.main_artists[track])
    return names, tracks.titles[track]


Names = dict[int, tuple[str, str]]


def _write_table(path: Path, tracks: Tracks, by_name: Names, lists: list[CuratedList]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["list", "position", "track_id", "artist", "title", "tags", "curator", "withdrawn"])
        for one in lists:
            for position, track in enumerate(one.songs, start=1):
                by_id = position % 2
                names = ("", "") if by_id else by_name[track]
                told = ["; ".join(one.tags), one.curator, "true" if one.withdrawn else ""]
                table.writerow([one.name, position, tracks.ids[track] if by_id else "", *names, *told])


def _write_m3u8(path: Path, by_name: Names, one: CuratedList) -> None:
    lines = ["#EXTM3U", f"#PLAYLIST:{one.name}", f"#MIXTAPE-CURATOR:{one.curator}"]
    lines += [f"#MIXTAPE-TAGS:{'; '.join(one.tags)}"] + ["#MIXTAPE-WITHDRAWN"] * one.withdrawn
    for place, track in enumerate(one.songs, start=1):
        artist, title = by_name[track]
        lines += [f"#EXTINF:-1,{artist} - {title}", f"{one.curator}/{place:02}.mp3"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_xspf(path: Path, tracks: Tracks, by_name: Names, one: CuratedList) -> None:
    root = ET.Element("playlist", {"version": "1", "xmlns": XSPF})
    ET.SubElement(root, "title").text = one.name
    ET.SubElement(root, "creator").text = one.curator
    ET.SubElement(root, "meta", rel="mixtape:tags").text = "; ".join(one.tags)
    if one.withdrawn:
        ET.SubElement(root, "meta", rel="mixtape:withdrawn").text = "true"
    songs = ET.SubElement(root, "trackList")
    for track in one.songs:
        song = ET.SubElement(songs, "track")
        ET.SubElement(song, "identifier").text = f"mixtape:track:{tracks.ids[track]}"
        ET.SubElement(song, "title").text = by_name[track][1]
        ET.SubElement(song, "creator").text = by_name[track][0]
    ET.indent(root)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _write_jspf(path: Path, tracks: Tracks, by_name: Names, one: CuratedList) -> None:
    songs = [
        {"identifier": [f"mixtape:track:{tracks.ids[track]}"], "creator": by_name[track][0], "title": by_name[track][1]}
        for track in one.songs
    ]
    meta = [{"mixtape:tags": "; ".join(one.tags)}] + [{"mixtape:withdrawn": True}] * one.withdrawn
    playlist = {"title": one.name, "creator": one.curator, "meta": meta, "track": songs}
    path.write_text(json.dumps({"playlist": playlist}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
