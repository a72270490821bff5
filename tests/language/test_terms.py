"""What an article says of whom: passages, their terms, sentiment, names beside names, and structured text."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from recommenders.language.terms import EntityKind, EntityTerms, terms_of, terms_of_biography, terms_of_tags
from recommenders.language.words import TermKind, sentences, terms_in

NAMES = {1: "Low", 2: "Sigur Rós", 3: "Air"}
LOW, SIGUR_ROS, AIR = ((EntityKind.ARTIST, artist) for artist in NAMES)
HOPPIPOLLA = (EntityKind.TRACK, 7)


@dataclass(frozen=True)
class Place:
    """Where somebody is named."""

    start: int
    end: int
    artist_id: int
    track_id: int | None = None
    sentiment: float = 0.0


def _read(title: str, text: str, sentiments: Mapping[int, float] | None = None) -> dict[object, EntityTerms]:
    """The terms of an article in which names stand in brackets: [1:Low], [2/7:Hoppípolla]."""
    whole, places, at = "", [], 0
    raw = f"{title}\n{text}"
    while "[" in raw[at:]:
        start = raw.index("[", at)
        ids, name = raw[start + 1 : raw.index("]", start)].split(":")
        artist, _, track = ids.partition("/")
        whole += raw[at:start]
        felt = (sentiments or {}).get(int(artist), 0.0)
        places.append(Place(len(whole), len(whole) + len(name), int(artist), int(track) if track else None, felt))
        whole += name
        at = raw.index("]", start) + 1
    title, _, text = (whole + raw[at:]).partition("\n")
    return {(found.entity_kind, found.entity_id): found for found in terms_of(title, text, places, "en", NAMES)}


def _words(found: EntityTerms, kind: TermKind = TermKind.WORD) -> dict[str, float]:
    return {term: mass for (one, term), mass in found.masses.items() if one is kind}


def test_a_passage_gives_words_pairs_phrases_and_adjectives() -> None:
    found = _read("", "[1:Low] recorded a haunting, glacial slowcore record with a brass section.")[LOW]
    assert {"haunting", "glacial", "slowcore", "record", "brass", "section", "recorded"} == set(_words(found))
    assert {"glacial slowcore", "slowcore record", "brass section"} == set(_words(found, TermKind.PAIR))
    assert {"glacial slowcore record", "brass section"} == set(_words(found, TermKind.PHRASE))
    assert {"haunting", "glacial"} == set(_words(found, TermKind.ADJECTIVE))
    assert found.mass == 1


def test_words_of_names_are_no_terms_and_no_pair_reaches_over_a_name() -> None:
    found = _read("", "Slow [1:Low] songs of [2:Sigur Rós] bloom.")[LOW]
    assert set(_words(found)) == {"slow", "songs", "bloom"}
    assert not _words(found, TermKind.PAIR)


def test_who_shares_a_sentence_shares_what_it_says() -> None:
    found = _read("", "[1:Low] and [2:Sigur Rós] play slowly.")
    assert _words(found[LOW])["slowly"] == _words(found[SIGUR_ROS])["slowly"] == 0.5
    assert found[LOW].mass == 0.5


def test_sentences_without_a_name_speak_of_who_came_before_them() -> None:
    found = _read("", "Yesterday rained. [1:Low] crawl. The drums whisper. [2:Sigur Rós] soar. Strings swell.")
    assert _words(found[LOW]) == {"crawl": 1.0, "drums": 0.5, "whisper": 0.5}
    assert _words(found[SIGUR_ROS]) == {"soar": 1.0, "strings": 0.5, "swell": 0.5}


def test_a_pronoun_goes_on_about_who_came_before() -> None:
    found = _read("", "[1:Low] crawl. It sounds dreamier than [2:Sigur Rós].")
    assert _words(found[LOW])["dreamier"] == 0.5
    assert _words(found[SIGUR_ROS])["dreamier"] == 1.0


def test_what_stands_under_a_heading_speaks_of_whom_the_heading_names() -> None:
    found = _read(
        "Best of May", "[1:Low] – Double Negative\nA crushing thing.\n[3:Air] – Moon Safari\nSilky retro pop."
    )
    assert _words(found[LOW]).keys() >= {"crushing"}
    assert "silky" not in _words(found[LOW])
    assert _words(found[AIR])["silky"] > 0.5


def test_the_whole_article_speaks_of_whom_its_title_names() -> None:
    found = _read("[1:Low] live", "We arrived late.\nThe room whispered.\n[2:Sigur Rós] opened.")
    assert _words(found[LOW])["whispered"] == 0.5
    assert "whispered" not in _words(found[SIGUR_ROS])


def test_a_track_and_its_artist_both_get_what_is_said_of_the_track() -> None:
    found = _read("", "[2/7:Hoppípolla] soars.")
    assert set(found) == {SIGUR_ROS, HOPPIPOLLA}
    assert _words(found[HOPPIPOLLA]) == _words(found[SIGUR_ROS]) == {"soars": 1.0}


def test_praise_counts_more_than_scorn() -> None:
    praised = _read("", "[1:Low] crawl.", {1: 1.0})[LOW]
    scorned = _read("", "[1:Low] crawl.", {1: -1.0})[LOW]
    assert (praised.mass, scorned.mass) == (1.5, 0.5)
    assert (_words(praised)["crawl"], _words(scorned)["crawl"]) == (1.5, 0.5)


def test_artists_are_terms_of_each_other_closer_together_more() -> None:
    found = _read("", "[1:Low] and [2:Sigur Rós] tour. [3:Air] rest.")
    assert _words(found[LOW], TermKind.ARTIST) == {"Sigur Rós": 0.5, "Air": 0.25}
    found = _read("", "[1:Low] tour.\n[3:Air] rest.")
    assert not _words(found[LOW], TermKind.ARTIST)


def test_saying_it_often_in_one_article_does_not_count_more_than_the_article() -> None:
    found = _read("", "[1:Low] crawl. [1:Low] crawl. [1:Low] crawl.")[LOW]
    assert found.mass == _words(found)["crawl"] == 1


def test_nobody_mentioned_nothing_said() -> None:
    assert terms_of("A title", "Some text.", [], "en", NAMES) == []


def test_tags_are_shares_of_the_commonest() -> None:
    found = terms_of_tags({"alternative metal": 31, "seen live": 15.5, "music to cry to": 3.1, "nonsense": 0}, LOW)
    assert found.mass == 5
    assert _words(found, TermKind.PAIR) == {"alternative metal": 5.0}
    assert _words(found)["metal"] == 5.0
    assert _words(found, TermKind.PHRASE) == pytest.approx(
        {"alternative metal": 5.0, "seen live": 2.5, "music to cry to": 0.5}
    )
    assert "nonsense" not in _words(found)
    assert terms_of_tags({"slow": 1}, LOW).mass == 1
    assert terms_of_tags({}, LOW).mass == 0


def test_a_biography_is_all_about_one() -> None:
    found = terms_of_biography(
        "Low formed in Duluth. The trio pioneered slowcore; LOW tour slowly.", LOW, "en", ["Low"]
    )
    assert {"formed", "duluth", "trio", "slowcore", "pioneered"} <= set(_words(found))
    assert "low" not in _words(found)
    assert found.mass == 1


def test_sentences_end_where_marks_do_in_every_script() -> None:
    text = "Slow, slow! Then... nothing?\nA heading\n音楽。美しい！はい"
    assert [text[one.start : one.end].strip() for one in sentences(text)] == [
        "Slow, slow!",
        "Then...",
        "nothing?",
        "A heading",
        "音楽。",
        "美しい！",
        "はい",
    ]


def test_other_languages_have_words_and_pairs() -> None:
    german = terms_in("Das neue Album ist eine traumhafte Platte", "de")
    assert (TermKind.WORD, "traumhafte") in german
    assert (TermKind.PAIR, "traumhafte platte") in german
    assert (TermKind.WORD, "ist") not in german
    assert all(kind in (TermKind.WORD, TermKind.PAIR) for kind, _ in german)


def test_scripts_without_spaces_give_pairs_of_characters() -> None:
    found = terms_in("美しい音楽", "ja")
    assert found == {(TermKind.WORD, term) for term in ("美し", "い音", "音楽")}
    assert terms_in("我真的很奇怪", "zh") == {(TermKind.WORD, "奇怪")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\n ",
        "\0",
        "a",
        ".",
        "! ? ",
        "'",
        "名",
        "/",
        "-",
        "(",
        '"a. ',
        "U.S. ",
        "x\u0301",
        "\ue000",
        "http://a.b/c ",
    ],
)
@pytest.mark.timeout(60)
def test_odd_texts_end_in_time_and_give_no_giant_terms(text: str) -> None:
    for found in terms_of("Low", text * (100_000 // max(len(text), 1)), [Place(0, 3, 1)], None, NAMES):
        assert all(len(term) <= 80 for _, term in found.masses)


def test_the_name_of_an_artist_fits_into_an_index() -> None:
    found = terms_of("Low and Air", "", [Place(0, 3, 1), Place(8, 11, 3)], "en", {1: "Low", 3: "Air" * 1_000})
    assert max(len(term) for one in found for _, term in one.masses) == 200
