"""From bytes to text, whatever a page or feed says of its encoding, and whether or not that is true."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding

GUESSED_FROM = 100_000  # bytes
MENDED_SHARE = 0.2  # of the bytes beyond ASCII: where more are no UTF-8, the text is in another encoding
LATIN_SHARE = 0.45  # of the bytes of words with a letter beyond ASCII: in other scripts, most of them are

# What is meant by a name, where that is more than the name says (WHATWG, Encoding Standard).
_MEANT = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
_NEVER = frozenset(["utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"])
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How "<" and the byte after it look in encodings of two or four bytes a letter (XML 1.0, appendix F).
_OPENINGS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_WORD_BEYOND_ASCII = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_CONTROL = re.compile("[\x80-\x84\x86-\x9f]")  # U+0085 is a line end
_REFERENCE = re.compile(r"&#(?:(\d+)|[xX]([0-9a-fA-F]+));?")


@dataclass(frozen=True)
class Decoded:
    """A text, the encoding that it was read in, and what was wrong with what it said of that; no control characters."""

    text: str
    encoding: str
    problem: str | None = None


def decode(body: bytes, content_type: str | None) -> Decoded:
    """Read bytes by their mark, else as UTF-8 if they are that, else by header, declaration, or what they look like.

    Bytes that are nearly UTF-8 are read as such, those that are not as Windows-1252. Nothing is raised: what makes no
    sense becomes U+FFFD.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _mended(body[len(mark) :], encoding)
    for opening, encoding in _OPENINGS:
        if body.lstrip(b" \t\r\n").startswith(opening):
            return _mended(body, encoding)
    named = _named(http_content_type_encoding(content_type)), _named(html_body_declared_encoding(body))
    if not body.isascii() or "iso2022_jp" in named:
        for each in dict.fromkeys(["utf-8", *named] if "iso2022_jp" not in named else ["iso2022_jp"]):
            if each and (text := _strict(body, each)) is not None:
                return Decoded(legal(text), each, _contradiction(each, named))
        return _guessed(body, next((name for name in named if name), None))
    said = next((name for name in named if name and not name.startswith(("utf-16", "utf-32"))), "utf-8")
    return Decoded(legal(body.decode("ascii")), said)


def _named(given: str | None) -> str | None:
    """The codec that is meant by a name; None for none, or none that is known."""
    try:
        name = codecs.lookup(given or "").name
    except (LookupError, ValueError):
        return None
    return None if name in _NEVER else _MEANT.get(name, name)


def _strict(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _contradiction(encoding: str, named: Iterable[str | None]) -> str | None:
    said = [name for name in named if name and name != encoding]
    return f"said to be {said[0]}, but read as {encoding}" if said else None


def _mended(body: bytes, encoding: str) -> Decoded:
    """In this encoding, come what may."""
    text = _strict(body, encoding)
    if text is not None:
        return Decoded(legal(text), encoding)
    text = body.decode(encoding, "mixtape_cp1252" if encoding == "utf-8" else "replace")
    return Decoded(legal(text), encoding, f"not everything is {encoding}")


def _guessed(body: bytes, said: str | None) -> Decoded:
    beyond_ascii = sum(byte >= 0x80 for byte in body[:GUESSED_FROM])
    wrong = body[:GUESSED_FROM].decode("utf-8", "replace").count("\ufffd")
    if wrong <= MENDED_SHARE * beyond_ascii:
        return _mended(body, "utf-8")
    encoding = _looks_like(body[:GUESSED_FROM]) or said or "cp1252"
    text = body.decode(encoding, "replace")
    return Decoded(legal(text), encoding, f"said to be {said or 'nothing'}, but looks like {encoding}")


def _looks_like(body: bytes) -> str | None:
    words = b"".join(_WORD_BEYOND_ASCII.findall(body))
    if sum(byte >= 0x80 for byte in words) < LATIN_SHARE * len(words):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(body).best()
    return _named(best.encoding) if best else None


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: a byte that is no UTF-8 is one of Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("mixtape_cp1252", _as_cp1252)


def legal(text: str) -> str:
    """Without the characters that neither XML nor Postgres takes."""
    return mend(_ILLEGAL.sub("", text.removeprefix("\ufeff")))


def mend(text: str) -> str:
    """With what Windows-1252 has in the places of control characters, and the commonest of what was encoded twice."""
    text = _REFERENCE.sub(_referred, text)
    text = _CONTROL.sub(lambda match: _meant(ord(match[0]), ""), text)
    return _TWICE.sub(_once, text)


# UTF-8 taken for Windows-1252: a punctuation mark, a letter with an accent, a sign. None of these is a word's end.
_TWICE = re.compile(
    r"â€[\u00a0-\u00bf\u0152-\u2122]|Ã[\u00a1-\u00ba\u00bc-\u00bf\u2030]|Â[\u00a0\u00a3\u00a9\u00ae\u00b0]"
)


def _referred(match: re.Match[str]) -> str:
    """A reference to a letter, unless it means one of Windows-1252, or there is no such letter."""
    digits = (match[1] or match[2]).lstrip("0")
    number = int(digits or "0", 10 if match[1] else 16) if len(digits) <= 7 else 0
    if number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        return "\ufffd"
    return _meant(number, match[0])


def _once(match: re.Match[str]) -> str:
    try:
        return match[0].encode("cp1252").decode()
    except UnicodeError:
        return match[0]


def _meant(number: int, otherwise: str) -> str:
    try:
        return bytes([number]).decode("cp1252") if 0x80 <= number <= 0x9F else otherwise
    except UnicodeDecodeError:
        return otherwise
