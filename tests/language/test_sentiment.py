"""The mood of a sentence is told from its words, and only of the sentence that is asked for."""

import pytest

from recommenders.language.sentiment import LONGEST, Moods, mood


@pytest.mark.parametrize("text", ["A wonderful, beautiful song.", "I love it.", "Their best record, simply great."])
def test_praise_is_good(text: str) -> None:
    assert mood(text) > 0.3


@pytest.mark.parametrize("text", ["A terrible, boring song.", "I hate it.", "Simply awful.", "It is not good."])
def test_scorn_is_bad(text: str) -> None:
    assert mood(text) < -0.3


@pytest.mark.parametrize("text", ["", "The record has ten songs.", "新專輯", "???"])
def test_what_says_neither_is_neither(text: str) -> None:
    assert mood(text) == 0


def test_only_the_sentence_around_a_place_counts() -> None:
    text = "A wonderful start. Then a terrible song!\nThe end has no words."
    moods = Moods(text, "en")
    places = [(text.index(word), text.index(word) + 3) for word in ("start", "song", "end")]
    good, bad, neither = (moods.at(*place) for place in places)
    assert good > 0.5 and bad < -0.5 and neither == 0
    assert moods.at(0, 1) == good
    assert Moods(text, None).at(*places[0]) == good
    assert Moods(text, "fr").at(*places[0]) == 0


def test_of_a_text_without_an_end_only_what_is_near_counts() -> None:
    text = "wonderful " + "word " * LONGEST + "here " + "word " * LONGEST + "terrible"
    place = text.index("here")
    assert Moods(text, "en").at(place, place + 4) == 0
