"""Names are found where they stand, as they are written in music: accents, points, every script."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.errors import ArtifactError
from recommenders.language.gazetteer import Gazetteer
from recommenders.language.tokens import tokens
from recommenders.store.mentions import ArtistNames, TrackTitles

NO_TRACKS = TrackTitles(np.empty(0, np.int64), [], np.empty(0, np.int64))


def gazetteer(*names: str) -> Gazetteer:
    """Of artists 0, 1, ...; the earlier the more popular."""
    numbers = np.arange(len(names))
    return Gazetteer.build(ArtistNames(numbers, names, -numbers.astype(np.float32)), NO_TRACKS)


def found(built: Gazetteer, text: str) -> list[tuple[str, int]]:
    """The pieces of the text that name somebody, and whom they name first."""
    words = tokens(text)
    return [
        (text[words.starts[match.first] : words.ends[match.last]], built.artists(match.name)[0].artist_id)
        for match in built.find(words)
    ]


@pytest.mark.parametrize(
    ("name", "text", "piece"),
    [
        ("Björk", "I heard Bjork.", "Bjork"),
        ("Bjork", "I heard Bjo\u0308rk's voice", "Bjo\u0308rk"),
        ("Beyoncé", "BEYONCE!", "BEYONCE"),
        ("Sigur Rós", "(Sigur Ros)", "Sigur Ros"),
        ("Simon & Garfunkel", "Simon and Garfunkel", "Simon and Garfunkel"),
        ("Florence + the Machine", "with Florence and The Machine", "Florence and The Machine"),
        ("AC/DC", "an AC/DC shirt", "AC/DC"),
        ("AC/DC", "an ACDC shirt", "ACDC"),
        ("R.E.M.", "REM are back", "REM"),
        ("R.E.M.", "R.E.M. are back", "R.E.M"),
        ("Guns N' Roses", "Guns N’ Roses", "Guns N’ Roses"),
        ("Destiny's Child", "Destinys Child", "Destinys Child"),
        ("The Beatles", "my Beatles albums", "Beatles"),
        ("YOASOBI", "ＹＯＡＳＯＢＩの曲", "ＹＯＡＳＯＢＩ"),
        ("草東沒有派對", "我很喜歡草東沒有派對的歌", "草東沒有派對"),
        ("방탄소년단", "방탄소년단이 돌아왔다", "방탄소년단"),
        ("ガクト", "ｶﾞｸﾄ の新曲", "ｶﾞｸﾄ"),
        ("Страже", "О группе СТРАЖЕ.", "СТРАЖЕ"),
        ("deadmau5", "deadmau5", "deadmau5"),
    ],
)
def test_a_name_is_found_however_it_is_written(name: str, text: str, piece: str) -> None:
    assert found(gazetteer(name), text) == [(piece, 0)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Air", "Airport fair hairy"),
        ("Low", "slow lower flow"),
        ("The National", "a National treasure"),
        ("か", "が"),
        ("कि", "की"),
        ("Muse", "museum"),
    ],
)
def test_a_piece_of_a_word_is_no_name(name: str, text: str) -> None:
    assert found(gazetteer(name), text) == []


def test_names_inside_names_are_all_found() -> None:
    built = gazetteer("Low", "Low Roar", "Roar")
    assert found(built, "Low Roar") == [("Low", 0), ("Low Roar", 1), ("Roar", 2)]


def test_of_two_artists_of_one_name_the_popular_one_comes_first_and_variants_last() -> None:
    built = gazetteer("The Beatles", "Nirvana", "Beatles", "NIRVANA")
    (beatles,) = built.find(tokens("Beatles"))
    assert [(one.artist_id, one.is_variant) for one in built.artists(beatles.name)] == [(2, False), (0, True)]
    (nirvana,) = built.find(tokens("nirvana"))
    assert [one.artist_id for one in built.artists(nirvana.name)] == [1, 3]


def test_tracks_are_looked_up_by_artist() -> None:
    titles = TrackTitles(np.array([7, 8, 9]), ["Hello", "Hello", "Hello There"], np.array([20, 10, 10]))
    built = Gazetteer.build(ArtistNames(np.array([10, 20]), ["A B", "C D"], np.ones(2, np.float32)), titles)
    (match,) = built.find(tokens("hello!"))
    assert built.tracks(match.name, np.array([10, 20])) == [(10, 8), (20, 7)]
    assert built.tracks(match.name, np.array([20])) == [(20, 7)]
    assert not built.has_artists(match.name)
    assert built.title(match.name) == "Hello"


def test_names_without_a_word_and_no_names_at_all_are_no_trouble() -> None:
    assert len(gazetteer("!!!", "...", "")) == 0
    assert found(gazetteer(), "Nobody is known.") == []
    assert found(gazetteer("Low"), "") == []


def test_what_is_stored_is_what_comes_back() -> None:
    names = ["Sigur Rós", "Low", "草東沒有派對", "Low Roar"]
    built = gazetteer(*names)
    text = "Low Roar, Sigur Rós, 草東沒有派對"
    assert found(Gazetteer.from_bytes(built.to_bytes()), text) == found(built, text) != []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_gazetteer_is_said_to_be_one(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="Build it again"):
        Gazetteer.from_bytes(content)


WORD = st.text("abc", min_size=1, max_size=2)


@given(st.lists(st.lists(WORD, min_size=1, max_size=3), min_size=1, max_size=12), st.lists(WORD, max_size=20))
def test_exactly_the_names_that_are_there_are_found(names: list[list[str]], text: list[str]) -> None:
    built = gazetteer(*(" ".join(name) for name in names))
    wanted = [
        (first, first + n - 1)
        for first in range(len(text))
        for n in (1, 2, 3)
        if text[first : first + n] in names and first + n <= len(text)
    ]
    assert [(match.first, match.last) for match in built.find(tokens(" ".join(text)))] == wanted
