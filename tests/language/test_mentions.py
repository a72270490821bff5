"""Who is named where: plain names only when they are meant, tracks only near their artist, each place once."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.language.gazetteer import Gazetteer
from recommenders.language.mentions import Mention, find_mentions
from recommenders.store.mentions import ArtistNames, TrackTitles

PLAIN = ["Air", "Low", "Yes", "A", "The The", "Girls", "Friends", "Boston", "Beach House", "The National", "Can", "311"]
DISTINCT = [
    "Radiohead",
    "Sigur Rós",
    "Björk",
    "CHVRCHES",
    "deadmau5",
    "Wham!",
    "Earth, Wind & Fire",
    "草東沒有派對",
    "くるり",
]
NAMES = [*PLAIN, *DISTINCT]


def gazetteer(names: Sequence[str] = NAMES, tracks: Sequence[tuple[str, str]] = ()) -> Gazetteer:
    """Of artists by number, and of tracks: the artist's name and the title."""
    numbers = np.arange(len(names))
    by = np.array([names.index(artist) for artist, _ in tracks], dtype=np.int64)
    titles = TrackTitles(np.arange(len(tracks)), [title for _, title in tracks], by)
    return Gazetteer.build(ArtistNames(numbers, names, np.ones(len(names), np.float32)), titles)


EVERYBODY = gazetteer()
SONGS = [
    ("Low", "Dancing and Blood"),
    ("Low", "Always Up"),
    ("Radiohead", "Creep"),
    ("Radiohead", "No Surprises"),
    ("Air", "Radian"),
]
WITH_SONGS = gazetteer(tracks=SONGS)


def artists(text: str, title: str = "Notes", built: Gazetteer = EVERYBODY) -> list[str]:
    """The names, as the catalogue writes them, of those whom a text mentions."""
    return [NAMES[mention.artist_id] for mention in find_mentions(title, text, built)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("I listened to Radiohead and Sigur Ros all week.", ["Radiohead", "Sigur Rós"]),
        ("We saw BJORK. She sang.", ["Björk"]),
        ("A remix by deadmau5 is out.", ["deadmau5"]),
        ("They covered Earth, Wind & Fire and Wham! on Sunday.", ["Earth, Wind & Fire", "Wham!"]),
        ("最近一直在聽草東沒有派對的新專輯。", ["草東沒有派對"]),
        ("昨日くるりのライブに行った。", ["くるり"]),
        ("Radiohead-esque guitars, Radiohead's best.", ["Radiohead", "Radiohead"]),
    ],
)
def test_distinct_names_are_mentions_wherever_they_stand(text: str, named: list[str]) -> None:
    assert artists(text) == named


@pytest.mark.parametrize(
    "text",
    [
        "There was a low hum, and the air was thick with smoke.",
        "Air travel is cheap. Low prices, says the sign. Yes, we can. Girls and boys came.",
        "The national anthem was played in a beach house by friends of friends.",
        "A can of beans, 311 of them. A friend. The the is a typing error.",
        "Yes, I know. Can you hear it? Friends told me. Low in the mix there is a hum.",
        "She lives in Boston now, and Boston is cold in winter.",
        "It was recorded at Air Studios and mixed on Low Street.",
        "air-conditioned rooms, low-fi sounds, can-do people",
        "The song Friends is the best of the ten.",
        "I read it on low.example.com, by @low and #air.",
        "The record is quiet. Low. Slow. Yes. Good.",
        "The Boston concert was sold out. Girls of all ages came.",
        "Finally, the air is clear. Friends, listen.",
    ],
)
def test_a_plain_name_in_its_everyday_sense_is_no_mention(text: str) -> None:
    assert artists(text) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Low - HEY WHAT\nSlow and loud at once.", ["Low"]),
        ("A - Hi-Fi Serious\nPop punk.", ["A"]),
        ("The The – Soul Mining\nYes: Fragile is another matter.", ["The The"]),
        ("Fans of Radiohead, Low and Air will find their way.", ["Radiohead", "Low", "Air"]),
        ("FFO Low.", ["Low"]),
        ("Air released a new album on Friday.", ["Air"]),
        ("Low are back.", ["Low"]),
        ("Air’s new album is out.", ["Air"]),
        ("That night we saw Girls, Friends and Low.", ["Girls", "Friends", "Low"]),
        ("In 1998 Air made a record that everybody heard.", ["Air"]),
        ("Air, the French duo, played on.", ["Air"]),
        ("A new song by A is out.", ["A"]),
        ("My favourite bands: Low, Yes, Can and Air.", ["Low", "Yes", "Can", "Air"]),
        ("Album of the week: Low – HEY WHAT\nLoud.", ["Low"]),
        ("Review: Low\nIt was late, and nobody spoke.", ["Low"]),
        ("The band Air is from Versailles.", ["Air"]),
        ("I love Low’s new album.", ["Low"]),
        ("There is a bit of Beach House in it, as on every record of theirs.", ["Beach House"]),
        ("We went to see The National.", ["The National"]),
        ("This sounds like Can records from the seventies.", ["Can"]),
        ("Low / Organ Tapes - Split\nA good one.", ["Low"]),
        ("Air, Björk - Live\nA good one.", ["Air", "Björk"]),
        ("The singer of Boston album fame: an early Boston record is the best one.", ["Boston", "Boston"]),
    ],
)
def test_a_plain_name_with_support_is_a_mention(text: str, named: list[str]) -> None:
    assert artists(text) == named


def test_one_sure_mention_speaks_for_the_others_in_the_article() -> None:
    alone = "Low went on at nine. Air went out of the room."
    assert artists(alone) == []
    assert artists(f"I waited for the band Low.\n{alone}") == ["Low", "Low"]
    assert artists("The air was low when Low went on.\nThe band Low played on.") == ["Low", "Low"]


def test_the_longest_name_is_meant() -> None:
    built = gazetteer(["Low", "Low Roar", "Nick Cave", "Nick Cave & The Bad Seeds"])
    found = find_mentions("Notes", "I heard Low Roar, then Nick Cave and the Bad Seeds, then Nick Cave alone.", built)
    assert [mention.artist_id for mention in found] == [1, 3, 2]


@pytest.mark.parametrize(
    "text",
    [
        "I like Sigur. Ros is a town.",
        "Sigur, Ros and others",
        "Sigur\nRos",
        "“Sigur” Ros",
    ],
)
def test_a_name_goes_across_no_sentence_list_or_line(text: str) -> None:
    assert artists(text) == []


def test_offsets_are_into_title_line_feed_and_text() -> None:
    title, text = "Björk returns", "The new one by Bjo\u0308rk is lovely. I heard Wham! on Sunday."
    found = find_mentions(title, text, EVERYBODY)
    whole = f"{title}\n{text}"
    assert [whole[mention.start : mention.end] for mention in found] == ["Björk", "Bjo\u0308rk", "Wham!"]


def tracks(text: str, title: str = "Notes") -> list[tuple[str, str]]:
    """The artist and title of each track that a text mentions."""
    found = find_mentions(title, text, WITH_SONGS)
    return [SONGS[mention.track_id] for mention in found if mention.track_id is not None]


@pytest.mark.parametrize(
    ("text", "songs"),
    [
        ("Radiohead played “Creep” at last.", [("Radiohead", "Creep")]),
        ("“Dancing and Blood” by Low is the song.", [("Low", "Dancing and Blood")]),
        ("I heard Radiohead's No Surprises in a lift.", [("Radiohead", "No Surprises")]),
        ("Radiohead - Creep\nA classic.", [("Radiohead", "Creep")]),
        ("Low\nI keep coming back to “Always Up”.", []),
        ("“Creep” and ‘No Surprises’ by Radiohead.", [("Radiohead", "Creep"), ("Radiohead", "No Surprises")]),
    ],
)
def test_a_title_near_its_artist_is_a_track(text: str, songs: list[tuple[str, str]]) -> None:
    assert tracks(text) == songs


@pytest.mark.parametrize(
    "text",
    [
        "“Creep” is a word for a gait.",
        "“Creep” by TLC.",
        "Radiohead came, and the hours creep on.",
        "Radiohead came. No surprises, then.",
        "I am always up when Low comes around.",
        "Radiohead played." + " Nothing happened for a while." * 30 + " Then somebody shouted “Creep”.",
    ],
)
def test_a_title_far_from_its_artist_or_as_plain_words_is_none(text: str) -> None:
    assert tracks(text) == []


def test_in_an_article_about_an_artist_its_titles_are_near_everywhere() -> None:
    text = "It was late." + " Nothing happened for a while." * 30 + " Then came “Creep”."
    assert tracks(text, title="Radiohead in the park") == [("Radiohead", "Creep")]


def test_a_title_speaks_for_its_plain_artist_and_is_not_an_artist_itself() -> None:
    found = find_mentions("Notes", "Low opened with “Dancing and Blood”, then they left.", WITH_SONGS)
    assert [(NAMES[mention.artist_id], mention.track_id) for mention in found] == [("Low", None), ("Low", 0)]


def test_of_two_artists_of_one_name_the_one_with_more_tracks_is_meant() -> None:
    built = Gazetteer.build(
        ArtistNames(np.array([1, 2]), ["Nirvana", "Nirvana"], np.array([3, 90], np.float32)),
        TrackTitles(np.empty(0, np.int64), [], np.empty(0, np.int64)),
    )
    assert [mention.artist_id for mention in find_mentions("Notes", "The band Nirvana, again.", built)] == [2]


def test_each_mention_has_the_mood_of_its_sentence() -> None:
    text = "Radiohead made a wonderful, beautiful record. Björk made a terrible, boring one. CHVRCHES played on Monday."
    good, bad, neutral = find_mentions("Notes", text, EVERYBODY)
    assert good.sentiment > 0.5
    assert bad.sentiment < -0.5
    assert neutral.sentiment == 0
    assert [mention.sentiment for mention in find_mentions("Notes", text, EVERYBODY, language="de")] == [0, 0, 0]


WORDS = st.sampled_from(
    [
        *NAMES,
        "the",
        "and",
        "by",
        "-",
        "“",
        "”",
        "\n",
        ".",
        ",",
        "Creep",
        "No Surprises",
        "’s",
        "band",
        "é",
        "\u0301",
        "草",
    ]
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=40).map(" ".join), st.text(max_size=40))
def test_no_two_mentions_overlap_and_all_lie_in_the_text(text: str, title: str) -> None:
    found = find_mentions(title, text, WITH_SONGS)
    whole = f"{title}\n{text}"
    places = [(mention.start, mention.end) for mention in found]
    assert places == sorted(places)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    assert all(0 <= start < end <= len(whole) for start, end in places)
    assert all(isinstance(mention, Mention) and -1 <= mention.sentiment <= 1 for mention in found)
