"""Titles taken apart, on titles as services and labels really write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.catalogue.titles import is_generic, parse_title, split_names

TAKEN_APART = [
    ("Bohemian Rhapsody - Remastered 2011", "Bohemian Rhapsody", "Remastered 2011"),
    ("Love Of My Life (Live At Wembley '86)", "Love Of My Life", "Live At Wembley '86"),
    ("Live and Let Die - Remastered 2018", "Live and Let Die", "Remastered 2018"),
    ("Live Forever (Remastered)", "Live Forever", "Remastered"),
    ("Long Live (Taylor’s Version)", "Long Live", "Taylor’s Version"),
    (
        "All Too Well (10 Minute Version) (Taylor's Version) [From The Vault]",
        "All Too Well",
        "10 Minute Version; Taylor's Version; From The Vault",
    ),
    ("(I Can't Get No) Satisfaction - Mono Version", "(I Can't Get No) Satisfaction", "Mono Version"),
    ("Ignition (Remix)", "Ignition", "Remix"),
    ("Everlong - Acoustic Version", "Everlong", "Acoustic Version"),
    ("Hurt (Nine Inch Nails cover)", "Hurt", "Nine Inch Nails cover"),
    ('Let It Go - From "Frozen"/Soundtrack Version', "Let It Go", 'From "Frozen"/Soundtrack Version'),
    ("Come Together - Take 5", "Come Together", "Take 5"),
    ("Baba O'Riley (Lifehouse Demo)", "Baba O'Riley", "Lifehouse Demo"),
    ("Layla - Acoustic; Live at MTV Unplugged, 1992", "Layla", "Acoustic; Live at MTV Unplugged, 1992"),
    ("Evidências - Ao Vivo", "Evidências", "Ao Vivo"),
    ("夜に駆ける（Live版）", "夜に駆ける", "Live版"),
]
WHOLE = [
    "Live and Let Die",
    "Live Forever",
    "Remix (Ignition)",
    "(I Can't Get No) Satisfaction",
    "Untitled #3",
    "Another Brick in the Wall, Part 2",
    "Shine On You Crazy Diamond (Pts. 1-5)",
    "Intro",
    "1979",
    "Live",
    "(Live)",
    "Demo",
    "Love (Don't Live Here Anymore)",
    "Song (Live and Let Die)",
    "From Me to You",
    "Time (The Revelator)",
    "Edward Maya - Stereo Love",
    "Six ft Under",
    "Symphony No. 5 in C Minor, Op. 67: I. Allegro con brio",
    "Sgt. Pepper's Lonely Hearts Club Band (Reprise)",
    "Song (Live",
    "()",
]


@pytest.mark.parametrize(("title", "song", "version"), TAKEN_APART)
def test_a_version_is_told_from_its_song(title: str, song: str, version: str) -> None:
    parsed = parse_title(title)
    assert (parsed.song, parsed.version) == (song, version)


@pytest.mark.parametrize("title", WHOLE)
def test_words_that_are_the_song_stay(title: str) -> None:
    parsed = parse_title(title)
    assert (parsed.song, parsed.version, parsed.featured) == (title, None, ())


@pytest.mark.parametrize(
    ("title", "song", "featured"),
    [
        ("Old Town Road (feat. Billy Ray Cyrus) - Remix", "Old Town Road", ("Billy Ray Cyrus",)),
        ("No Diggity ft. Dr. Dre & Queen Pen", "No Diggity", ("Dr. Dre & Queen Pen",)),
        ("Song Featuring X [Radio Edit]", "Song", ("X",)),
        ("Song [feat. X] (Hidden Place)", "Song (Hidden Place)", ("X",)),
        ("Left foot, right foot", "Left foot, right foot", ()),
    ],
)
def test_guests_are_found(title: str, song: str, featured: tuple[str, ...]) -> None:
    parsed = parse_title(title)
    assert (parsed.song, parsed.featured) == (song, featured)


def test_what_names_a_credited_artist_is_read_as_such_and_only_then() -> None:
    assert parse_title("Queen - Under Pressure").song == "Queen - Under Pressure"
    assert parse_title("Queen - Under Pressure", ["Queen"]).song == "Under Pressure"
    assert parse_title("Dance (with Somebody)").song == "Dance (with Somebody)"
    assert parse_title("Stuck with U (with Justin Bieber)", ["Ariana Grande", "Justin Bieber"]).song == "Stuck with U"


def test_a_remixer_is_named_where_the_remix_is() -> None:
    assert parse_title("Promises (Skrillex Remix)").remixers == ("Skrillex",)
    assert parse_title("Promises (Skrillex & Nero Extended Remix)").remixers == ("Skrillex & Nero",)
    assert parse_title("Promises").remixers == ()


def test_names_are_split_unless_they_are_one_name() -> None:
    assert split_names("A, B & C") == ["A", "B", "C"]
    assert split_names("Earth, Wind & Fire", {"earth wind and fire"}) == ["Earth, Wind & Fire"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Another Brick in the Wall, Pt. 2", "Another Brick in the Wall (Part II)"),
        ("Don't Stop", "Dont Stop - 2009 Remaster"),
        ("Für Elise", "Fur Elise"),
    ],
)
def test_two_ways_to_write_a_song_have_one_key(one: str, other: str) -> None:
    assert parse_title(one).key == parse_title(other).key


def test_a_generic_title_says_nothing() -> None:
    assert is_generic(parse_title("Intro (Live)").key)
    assert is_generic(parse_title("Track 07").key)
    assert not is_generic(parse_title("1979").key)


@given(st.text(max_size=60), st.sampled_from(["", " (Live)", " - Remix", " [feat. X]", " ft. Y", " (", " - "]))
def test_a_song_is_never_lost_and_taken_apart_once(title: str, ending: str) -> None:
    parsed = parse_title(title + ending)
    assert parsed.song.strip() or not title.strip()
    again = parse_title(parsed.song)
    assert (again.song, again.version) == (parsed.song, None)
