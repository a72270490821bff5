"""Whatever a playlist file holds, it is read or refused; and what we write is read back, whatever is in the names."""

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.exchange.playlist_files import to_jspf, to_m3u8, to_xspf
from recommenders.exchange.playlist_reading import PlaylistFile
from recommenders.exchange.rejections import UnreadableFileError
from tests.exchange.test_playlist_files import FIRST, HOSTILE_SONGS, mixtape

GOOD = {
    ".xspf": to_xspf(mixtape(FIRST)),
    ".jspf": json.dumps(to_jspf(mixtape(FIRST))).encode(),
    ".m3u8": to_m3u8(mixtape(FIRST)).encode(),
}


def read(content: bytes, ending: str) -> list[dict[str, object]] | None:
    """The rows of a file; None where it is refused, as it may be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"list{ending}"
        path.write_bytes(content)
        try:
            (rows,) = PlaylistFile(path).rows()
        except UnreadableFileError as error:
            assert error.rejection.detail
            return None
        assert len(rows.lines) == rows.table.num_rows
        assert all(isinstance(rows.raw(index), str) for index in range(len(rows.lines)))
        return list(rows.table.to_pylist())


@pytest.mark.parametrize("ending", GOOD)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(ending: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[ending])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 20))
        content[place : place + cut] = data.draw(st.binary(max_size=20) | st.sampled_from([b"<", b"&x;", b'"', b"]"]))
    read(bytes(content), ending)
    read(data.draw(st.binary(max_size=200)), ending)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["title", "creator", "identifier", "location", "meta", "track", "duration"])
SONGS = st.lists(JSON | st.dictionaries(FIELDS, JSON, max_size=5), max_size=4)


@settings(max_examples=200, deadline=None)
@given(playlist=st.dictionaries(FIELDS, JSON, max_size=5), songs=SONGS)
def test_any_json_is_read_or_refused(playlist: dict[str, object], songs: list[object]) -> None:
    read(json.dumps({"playlist": playlist | {"track": songs}}).encode(), ".jspf")
    read(json.dumps(playlist).encode(), ".jspf")


@settings(max_examples=200, deadline=None)
@given(hostile=HOSTILE_SONGS, outside_id=st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_what_we_write_names_its_songs_whatever_is_in_their_names(hostile: object, outside_id: str) -> None:
    song = dataclasses.replace(hostile, outside_id=outside_id)  # type: ignore[type-var]
    made = mixtape(song, FIRST)
    for content, ending in ((to_xspf(made), ".xspf"), (json.dumps(to_jspf(made)).encode(), ".jspf")):
        rows = read(content, ending)
        assert rows is not None
        ids = [row["track_id"] for row in rows]
        assert ids[-1] == FIRST.outside_id
        assert ids[:-1] == ([] if "\0" in outside_id else [outside_id.strip()]) or outside_id != outside_id.strip()
