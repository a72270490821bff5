"""Which language a text is in: its script where that settles it, else its letters, else what the page says."""

import re
from functools import cache
from typing import Any

LOOKED_AT = 2_000  # characters
SURE = 0.9  # the probability from which the letters outweigh what the page says of itself
LEAST_SURE = 0.5

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
# Scripts that one language uses, or one for our purpose, and from which share of the letters on a text is in it: names
# of bands are Latin everywhere, and a letter of Han is a word. Kana come before Han: Japanese has both.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30ff]"), 0.05),
    ("ko", re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]"), 0.1),
    ("zh", _HAN, 0.1),
    ("th", re.compile(r"[\u0e00-\u0e7f]"), 0.3),
    ("el", re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"), 0.3),
    ("he", re.compile(r"[\u0590-\u05ff]"), 0.3),
    ("ka", re.compile(r"[\u10a0-\u10ff]"), 0.3),
    ("hy", re.compile(r"[\u0530-\u058f]"), 0.3),
    ("ta", re.compile(r"[\u0b80-\u0bff]"), 0.3),
)
_ONE = {"yue": "zh", "wuu": "zh", "nb": "no", "nn": "no"}  # languages that are read as one
_CODE = re.compile(r"[a-z]{2,3}")


def identify_language(text: str, declared: str | None = None) -> str | None:
    """The ISO 639-1 code of the language of `text`; None where nothing tells.

    `declared`: what the page says of itself ("en-GB"), believed where the text is too short to tell. Letters are
    judged by py3langid (Lui & Baldwin 2012).
    """
    said = _declared_code(declared)
    letters = re.sub(r"https?://\S+|[\W\d_]+", " ", text[:LOOKED_AT]).strip()
    if not letters:
        return said
    for language, script, share in _SCRIPTS:
        if len(script.findall(letters)) >= share * len(letters):
            return language
    guessed, probability = _by_letters(letters)
    if probability >= SURE or (said is None and probability >= LEAST_SURE):
        return guessed
    return said


def ideographs(text: str) -> int:
    """How many letters of the text say as much as a word."""
    return len(_HAN.findall(text))


def _declared_code(declared: str | None) -> str | None:
    match = _CODE.match((declared or "").strip().lower())
    return _ONE.get(match.group(), match.group()) if match else None


def _by_letters(letters: str) -> tuple[str, float]:
    language, probability = _identifier().classify(letters)
    return _ONE.get(language, language), float(probability)


@cache
def _identifier() -> Any:
    """The identifier with probabilities that sum to 1."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
