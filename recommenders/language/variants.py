"""Other ways in which an artist's name is written: without "The", without the points of initials."""

import re
from collections.abc import Sequence

from recommenders.language.plainness import Plainness, plainness
from recommenders.language.tokens import words

_INSIDE = re.compile(r"(?<=\w)['’ʼ.·/\-](?=\w)")
_INITIALS = re.compile(r"(?:\w[./])+\w\.?")
_ARTICLE = re.compile(r"the\s+", re.IGNORECASE)


def variants(name: str, own: Sequence[str]) -> list[str]:
    """Other spellings of the artist `name`, whose folded words are `own`.

    "R.E.M." is REM, "Destiny's Child" Destinys Child, "AC/DC" ACDC; The Beatles are Beatles, but The National are not
    National.
    """
    found = []
    joined = _INSIDE.sub("", name).rstrip(".")
    if joined != name and words(joined) not in ([], own):
        plain = plainness(words(joined))
        if plain == Plainness.DISTINCT or (plain == Plainness.PROPER and _INITIALS.fullmatch(name)):
            found.append(joined)
    if len(own) > 1 and _ARTICLE.match(name) and plainness(own[1:]) <= Plainness.PROPER:
        found.append(_ARTICLE.sub("", name, count=1))
    return found
