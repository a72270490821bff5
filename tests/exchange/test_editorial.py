"""Curators' lists come in from playlists and tables: what we write comes back, what is hostile is refused."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommenders.exchange.imports import ImportReport, find_landing, import_landing, import_path
from recommenders.exchange.playlist_files import to_jspf, to_m3u8, to_xspf
from recommenders.playlists.mixtape import Mixtape, Song
from recommenders.store import Store, curating, editorial

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
MBID = "0f6fd6a9-3c4b-4a1e-9d6c-2b8f3a1c5e77"
CATALOGUE = f"""\
track_id,title,artists,audio_uri,mbid,isrc
t1,Svefn-g-englar,Sigur Rós,file:///music/Sigur Rós/01 Svefn.flac,,
t2,Halo - Slight Return,Pale Orchard;The Tide,,,
t/3 ü,Wolves & Bells,Pale Orchard,/music/#3.mp3,{MBID},
t4,Wolves & Bells (Live at Home),Pale Orchard,,,SEABC0912345
t5,"A - B - C","X - Y",,,
"""
IDS = ["t1", "t2", "t/3 ü", "t4", "t5"]


@pytest.fixture
def catalogue(store: Store, tmp_path: Path) -> Path:
    """Five songs are known, some with odd names; the folder is free for lists."""
    (tmp_path / "tracks.csv").write_text(CATALOGUE)
    (report,) = import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    assert report.rows_new == 5
    (tmp_path / "lists").mkdir()
    return tmp_path / "lists"


def read(store: Store, path: Path, now: dt.datetime = NOW) -> ImportReport:
    (report,) = import_path(store, "editorial", path, now=now)
    return report


def lists(store: Store) -> dict[str, list[str]]:
    """The songs of each list by its name."""
    with store.begin() as connection:
        return {
            one.name: [song["outside_id"] for song in editorial.songs_of_list(connection, one.list_id)]
            for one in editorial.all_lists(connection)
        }


def only(store: Store) -> editorial.EditorialList:
    with store.begin() as connection:
        (one,) = editorial.all_lists(connection)
    return one


def reasons(store: Store) -> list[tuple[int, str]]:
    with store.begin() as connection:
        rows = connection.execute(
            sa.text("SELECT line, reason FROM rejected WHERE kind = 'editorial' ORDER BY line, reason")
        )
        return [tuple(row) for row in rows]


def mixtape() -> Mixtape:
    """All five songs as a mixtape."""
    facts = {
        "t1": ("Svefn-g-englar", ["Sigur Rós"], "file:///music/Sigur Rós/01 Svefn.flac"),
        "t2": ("Halo - Slight Return", ["Pale Orchard", "The Tide"], None),
        "t/3 ü": ("Wolves & Bells", ["Pale Orchard"], "/music/#3.mp3"),
        "t4": ("Wolves & Bells (Live at Home)", ["Pale Orchard"], None),
        "t5": ("A - B - C", ["X - Y"], None),
    }
    songs = [
        Song(place, place, name, title, artists, None, 200.0, uri, 1.0, "mix", "taste", "fits", None)
        for place, (name, (title, artists, uri)) in enumerate(facts.items(), start=1)
    ]
    return Mixtape(dt.date(2026, 11, 23), 1, 1, "ann", "Ann", songs, None)


@pytest.mark.parametrize("ending", ["m3u8", "xspf", "jspf"])
def test_what_we_write_is_read_as_the_same_list(store: Store, catalogue: Path, ending: str) -> None:
    content = {
        "m3u8": lambda: to_m3u8(mixtape()).encode(),
        "xspf": lambda: to_xspf(mixtape()),
        "jspf": lambda: json.dumps(to_jspf(mixtape())).encode(),
    }[ending]()
    path = catalogue / f"ann.{ending}"
    path.write_bytes(content)
    report = read(store, path)
    assert (report.rows_read, report.rows_new, report.rows_rejected) == (5, 5, 0)
    assert lists(store) == {"Monday Mixtape for Ann, 2026-11-23": IDS}
    again = read(store, path)
    assert (again.rows_new, again.rows_rejected) == (0, 0)


def test_a_mixtape_without_any_audio_on_record_is_read_by_its_names(store: Store, catalogue: Path) -> None:
    bare = mixtape()
    songs = [dataclasses.replace(song, audio_uri=None) for song in bare.songs]
    (catalogue / "bare.m3u8").write_text(to_m3u8(dataclasses.replace(bare, songs=songs)))
    assert read(store, catalogue / "bare.m3u8").rows_rejected == 0
    assert list(lists(store).values()) == [IDS]


TABLE = """\
list,position,track_id,artist,title,tags,curator
Night,2,t1,,,dreamy; Shoegaze,Bea
Night,1,,pale orchard,wolves and bells,SHOEGAZE;  late   night ,
Morning,,,The Tide,Halo - Slight Return,,
Night,3,,Pale Orchard,Wolves & Bells - Live at Home,,
"""


def test_a_table_holds_several_lists_with_tags_and_positions(store: Store, catalogue: Path) -> None:
    (catalogue / "lists.csv").write_text(TABLE)
    report = read(store, catalogue / "lists.csv")
    assert (report.rows_new, report.rows_rejected) == (4, 0)
    assert lists(store) == {"Morning": ["t2"], "Night": ["t/3 ü", "t1", "t4"]}
    with store.begin() as connection:
        morning, night = editorial.all_lists(connection)
    assert (night.tags, night.curator) == (["dreamy", "Shoegaze", "late night"], "Bea")
    assert (morning.tags, morning.made_at, morning.withdrawn_at) == ([], NOW, None)


def test_a_changed_file_replaces_its_list_and_an_unchanged_one_nothing_that_curators_did(
    store: Store, catalogue: Path
) -> None:
    path = catalogue / "lists.csv"
    path.write_text(TABLE)
    read(store, path)
    with store.begin() as connection:
        night = editorial.all_lists(connection)[1]
        curating.edit_list(connection, night.list_id, "Night", "Bea", ["mine"], NOW)
    assert read(store, path).rows_new == 0
    with store.begin() as connection:
        assert editorial.get_list(connection, night.list_id).tags == ["mine"]
    path.write_text("list,track_id,tags,withdrawn\nNight,t5,new,true\n")
    later = NOW + dt.timedelta(days=1)
    assert read(store, path, later).rows_new == 1
    assert lists(store) == {"Morning": ["t2"], "Night": ["t5"]}
    with store.begin() as connection:
        changed = editorial.get_list(connection, night.list_id)
    assert (changed.tags, changed.made_at, changed.changed_at, changed.withdrawn_at) == (["new"], NOW, later, later)


def test_songs_that_are_not_found_or_come_twice_are_set_aside_with_their_reason(store: Store, catalogue: Path) -> None:
    (catalogue / "odd.csv").write_text(
        "list,track_id,artist,title,position\n"
        "Odd,t1,,,\nOdd,t99,,,\nOdd,,Nobody,Nothing,\nOdd,,Sigur Rós,Svefn-G-Englar,\nOdd,,Sigur Rós,,\n"
        ",t2,,,\nOdd,t2,,,first\n"
    )
    report = read(store, catalogue / "odd.csv")
    assert report.rows_new == 1
    assert reasons(store) == [
        (3, "unknown_track"),
        (4, "unknown_track"),
        (5, "duplicate_id"),
        (6, "missing"),
        (7, "missing"),
        (8, "bad_number"),
    ]
    assert lists(store) == {"Odd": ["t1"]}


def test_a_song_that_came_into_the_catalogue_joins_when_the_file_comes_again(store: Store, catalogue: Path) -> None:
    path = catalogue / "new.m3u8"
    path.write_text(
        "#EXTM3U\n#MIXTAPE-TAGS:dreamy, slow\n#EXTINF:200,Sigur Rós - Svefn-g-englar\nx.mp3\n/music/new.mp3\n"
    )
    assert (read(store, path).rows_rejected, lists(store)) == (1, {"new": ["t1"]})
    (catalogue.parent / "more.csv").write_text("track_id,title,artists,audio_uri\nt6,New,New,file:///music/new.mp3\n")
    import_path(store, "catalogue", catalogue.parent / "more.csv", now=NOW)
    assert (read(store, path).rows_rejected, lists(store)) == (0, {"new": ["t1", "t6"]})
    assert (only(store).tags, reasons(store)) == (["dreamy", "slow"], [])


def test_songs_are_found_by_musicbrainz_ids_and_isrcs(store: Store, catalogue: Path) -> None:
    songs = [
        {"identifier": [f"https://musicbrainz.org/recording/{MBID.upper()}"], "title": "?", "creator": "?"},
        {"identifier": "urn:isrc:SEABC0912345"},
        "no song",
        {"title": "Svefn-g-englar", "creator": "SIGUR ROS"},
        {"title": "broken \ud800", "creator": "Sigur Rós"},
        {"title": "with a NUL \0", "creator": "Sigur Rós"},
    ]
    playlist = {"title": "Brainz", "creator": "Bea", "track": songs}
    playlist["meta"] = [{"mixtape:tags": "dreamy; slow"}, {"mixtape:withdrawn": True}]
    (catalogue / "brainz.jspf").write_text(json.dumps({"playlist": playlist}))
    read(store, catalogue / "brainz.jspf")
    assert lists(store) == {"Brainz": ["t/3 ü", "t4", "t1"]}
    one = only(store)
    assert (one.curator, one.tags, one.withdrawn_at) == ("Bea", ["dreamy", "slow"], NOW)
    assert reasons(store) == [(3, "bad_json"), (5, "encoding"), (6, "nul_byte")]


def test_tags_of_an_xspf_stand_in_its_meta(store: Store, catalogue: Path) -> None:
    (catalogue / "meta.xspf").write_text(
        '<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>'
        "<track><title>Svefn-g-englar</title><creator>Sigur Rós</creator></track></trackList>"
        '<meta rel="mixtape:tags">dreamy; slow</meta><title>Late</title></playlist>'
    )
    read(store, catalogue / "meta.xspf")
    assert (only(store).name, only(store).tags) == ("Late", ["dreamy", "slow"])


XSPF = '<?xml version="1.0"?>{}<playlist xmlns="http://xspf.org/ns/0/"><trackList><track><title>{}</title></track></trackList></playlist>'
BOMB = "<!DOCTYPE p [" + '<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
) + "]>"  # fmt: skip
HOSTILE = {
    "bomb.xspf": (XSPF.format(BOMB, "&a11;").encode(), "unreadable"),
    "secret.xspf": (
        XSPF.format('<!DOCTYPE p [<!ENTITY s SYSTEM "file:///etc/passwd">]>', "&s;").encode(),
        "unreadable",
    ),
    "dtd.xspf": (XSPF.format('<!DOCTYPE p SYSTEM "http://127.0.0.1:9/p.dtd">', "x").encode(), "unreadable"),
    "deep.xspf": (b"<playlist>" + b"<a>" * 100_000, "too_deep"),
    "cut.xspf": (XSPF.format("", "x").encode()[:90], "damaged_file"),
    "odd.xspf": (b'<?xml version="1.0" encoding="klingon"?><playlist/>', "encoding"),
    "latin.xspf": (XSPF.format("", "caf\xe9").encode("latin-1"), "damaged_file"),
    "page.xspf": (b"<html><title>x</title></html>", "unknown_format"),
    "none.xspf": (b'<playlist xmlns="http://xspf.org/ns/0/"><trackList/></playlist>', "empty_file"),
    "deep.jspf": (b'{"playlist": ' + b"[" * 200_000, "bad_json"),
    "cut.jspf": (b'{"playlist": {"track": [', "bad_json"),
    "list.jspf": (b"[1, 2]", "unknown_format"),
    "bytes.jspf": (b'{"playlist": {"track": [{"title": "\xff\xfe"}]}}', "encoding"),
    "empty.m3u8": (b"", "empty_file"),
    "stream.m3u8": (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nsegment0.ts\n", "unknown_format"),
    "latin.m3u8": ("#EXTM3U\n#EXTINF:1,Sigur R\xf3s - X\n".encode("latin-1"), "encoding"),
    "wide.m3u8": ("#EXTM3U\nsong.mp3\n".encode("utf-16"), "nul_byte"),
    "huge.m3u8": (b"#" * (11 << 20), "too_large"),
    "picture.png": (b"\x89PNG", "unknown_format"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_its_neighbour_comes_in(
    store: Store, catalogue: Path, name: str
) -> None:
    content, reason = HOSTILE[name]
    (catalogue / name).write_bytes(content)
    (catalogue / "good.csv").write_text("list,track_id\nGood,t1\n")
    reports = import_path(store, "editorial", catalogue, now=NOW)
    assert reason in {why for report in reports for why in report.rejected_by_reason}
    assert lists(store) == {"Good": ["t1"]}


def test_lists_are_taken_from_the_landing_folder_after_everything_else(store: Store, catalogue: Path) -> None:
    folder = catalogue.parent / "landing"
    for kind, name, content in (
        ("editorial", "night.m3u8", "t9.mp3\n"),
        ("catalogue", "t.csv", "track_id,title,artists,audio_uri\nt9,N,N,t9.mp3\n"),
    ):
        (folder / kind).mkdir(parents=True)
        (folder / kind / name).write_text(content)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert [file.kind for file in find_landing(folder.as_uri(), now=later)] == ["catalogue", "editorial"]
    import_landing(store, folder.as_uri(), now=later)
    assert lists(store) == {"night": ["t9"]}
    assert (folder / "imported" / "editorial" / "night.m3u8").exists()


def test_every_file_of_a_folder_comes_in(store: Store, catalogue: Path) -> None:
    for number in (1, 2, 3):
        (catalogue / f"{number}.csv").write_text(f"list,track_id\nList {number},t{number if number < 3 else 4}\n")
    assert [report.rows_new for report in import_path(store, "editorial", catalogue, now=NOW)] == [1, 1, 1]
    assert lists(store) == {"List 1": ["t1"], "List 2": ["t2"], "List 3": ["t4"]}
