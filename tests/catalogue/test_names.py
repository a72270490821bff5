"""Names that are one name have one key, and names that are two have two."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.catalogue.names import LONGEST_KEY, name_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("Sigur Rós", "Sigur Ros"),
        ("Guns N' Roses", "Guns N’ Roses"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Florence + The Machine", "Florence and the Machine"),
        ("R.E.M.", "REM"),
        ("AC/DC", "AC-DC"),
        ("MØ", "mo"),
        ("Motörhead", "Motorhead"),
        ("Die Ärzte", "die arzte"),
        ("ＹＯＡＳＯＢＩ", "yoasobi"),
        ("Ёлка", "елка"),
        ("Straße", "STRASSE"),
        ("  Air  ", "Air"),
    ],
)
def test_one_name_however_it_is_written(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("か", "が"), ("ハ", "パ"), ("!!!", "???"), ("+44", "44"), ("방탄소년단", "소녀시대"), ("कि", "की")],
)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="\u037a"), max_size=40))
def test_a_key_is_its_own_key_and_knows_no_normal_form(name: str) -> None:
    key = name_key(name)
    assert name_key(key) == key
    assert name_key(unicodedata.normalize("NFD", name)) == name_key(unicodedata.normalize("NFC", name)) == key


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20))
def test_a_visible_name_has_a_key_that_fits_into_an_index(name: str) -> None:
    assert 0 < len(name_key(name)) <= LONGEST_KEY
    assert len(name_key(name * 200)) <= LONGEST_KEY
