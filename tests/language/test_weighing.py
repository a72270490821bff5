"""The day's update of top terms: sums that decay exactly, withdrawn articles, and what a day costs."""

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.language.terms import EntityKind, EntityTerms
from recommenders.language.weighing import Weighed, rising_terms, weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.language.words import TermKind
from recommenders.store import Store
from recommenders.store.terms import put_article_terms, withdraw_article_terms
from recommenders.store.top_terms import top_terms
from tests.language.writing import TODAY, add_article, rows_touched, says, write

PARAMETERS = TermParameters(half_life_days=10, prior=1)
DAY = dt.timedelta(days=1)


def _sums(connection: sa.Connection) -> dict[tuple[str, int], tuple[int, float, dict[str, float]]]:
    rows = connection.execute(
        sa.text(
            """SELECT entity_kind::text, entity_id, articles, mass,
                      ARRAY(SELECT term FROM unnest(term_ids) WITH ORDINALITY u (term_id, n) JOIN terms USING (term_id)
                            ORDER BY n), masses
               FROM entity_terms"""
        )
    )
    return {(row[0], row[1]): (row[2], row[3], dict(zip(row[4], row[5], strict=True))) for row in rows}


def _frequencies(connection: sa.Connection) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(sa.text("SELECT term, entities FROM terms"))}


def test_what_is_said_decays_to_the_same_sums_however_often_it_is_weighed(store: Store) -> None:
    with store.begin() as connection:
        write(connection, TODAY - 30 * DAY, says(1, {"slow": 1, "dark": 0.5}), says(2, {"slow": 1}))
        weigh_terms(connection, PARAMETERS, TODAY - 25 * DAY)
        write(connection, TODAY - 20 * DAY, says(1, {"slow": 1}, mass=0.5))
        weigh_terms(connection, PARAMETERS, TODAY - 11 * DAY)
        write(connection, TODAY, says(1, {"warm": 1}), says(1, {"loud": 1}, kind="track"))
        assert weigh_terms(connection, PARAMETERS, TODAY) == Weighed(said=2, entities=2)
        assert weigh_terms(connection, PARAMETERS, TODAY) == Weighed(said=0, entities=0)
        sums = _sums(connection)
        articles, mass, terms = sums["artist", 1]
        assert articles == 3
        assert mass == pytest.approx(1 / 8 + 0.5 / 4 + 1)
        assert terms == pytest.approx({"slow": 1 / 8 + 0.5 / 4, "dark": 0.5 / 8, "warm": 1})
        assert sums["track", 1][2] == pytest.approx({"loud": 1})
        assert _frequencies(connection) == {"slow": 2, "dark": 1, "warm": 1, "loud": 1}


def test_weights_are_probabilities_damped_for_what_everybody_gets(store: Store) -> None:
    with store.begin() as connection:
        for artist in range(1, 5):
            write(connection, TODAY, says(artist, {"music": 1, f"sound{artist}": 1}))
        write(connection, TODAY, says(1, {"music": 1, "rare": 0.5}))
        weigh_terms(connection, PARAMETERS, TODAY)
        found = {term.term: term.weight for term in top_terms(connection, "artist", 1, TODAY)}
        assert list(found) == ["sound1", "rare", "music"]
        assert found == pytest.approx(
            {"sound1": 1 / 3, "rare": 0.5 / 3, "music": 2 / 3 * np.log(5 / 4) / np.log(5)}, rel=1e-5
        )
        assert top_terms(connection, "artist", 1, TODAY - DAY) == []
        assert len(top_terms(connection, "artist", 1, TODAY, limit=2)) == 2
        assert top_terms(connection, "artist", 1, TODAY, kinds=["adjective"]) == []


def test_a_text_is_shown_once_with_the_kind_that_tells_most(store: Store) -> None:
    masses = {(TermKind.WORD, "slow"): 1.0, (TermKind.ADJECTIVE, "slow"): 1.0, (TermKind.PAIR, "slow songs"): 0.5}
    with store.begin() as connection:
        write(connection, TODAY, EntityTerms(EntityKind.ARTIST, 1, 1.0, masses))
        weigh_terms(connection, PARAMETERS, TODAY)
        assert [(term.term, term.kind) for term in top_terms(connection, "artist", 1, TODAY)] == [
            ("slow", "adjective"),
            ("slow songs", "pair"),
        ]
        assert [term.kind for term in top_terms(connection, "artist", 1, TODAY, kinds=["word"])] == ["word"]


def test_an_article_read_anew_or_withdrawn_leaves_nothing_behind(store: Store) -> None:
    with store.begin() as connection:
        article = write(connection, TODAY - 5 * DAY, says(1, {"slow": 1}), says(2, {"loud": 1}))
        write(connection, TODAY - 5 * DAY, says(1, {"slow": 1, "warm": 1}))
        weigh_terms(connection, PARAMETERS, TODAY - 5 * DAY)
        write(connection, TODAY - 5 * DAY, says(1, {"dark": 1}), article_id=article)
        weigh_terms(connection, PARAMETERS, TODAY)
        left = 0.5**0.5
        sums = _sums(connection)
        assert list(sums) == [("artist", 1)]
        assert sums["artist", 1][:2] == (2, pytest.approx(2 * left))
        assert sums["artist", 1][2] == pytest.approx({"slow": left, "warm": left, "dark": left})
        assert top_terms(connection, "artist", 2, TODAY) == []
        assert [term.term for term in top_terms(connection, "artist", 2, TODAY - DAY)] == ["loud"]
        assert _frequencies(connection) == {"slow": 1, "loud": 0, "warm": 1, "dark": 1}
        withdraw_article_terms(connection, [article])
        weigh_terms(connection, PARAMETERS, TODAY)
        assert _sums(connection)["artist", 1][2] == pytest.approx({"slow": left, "warm": left})


def test_an_article_that_was_never_weighed_can_be_read_anew(store: Store) -> None:
    with store.begin() as connection:
        article = write(connection, TODAY, says(1, {"slow": 1}))
        write(connection, TODAY, says(1, {"dark": 1}), article_id=article)
        weigh_terms(connection, PARAMETERS, TODAY)
        assert _sums(connection) == {("artist", 1): (1, 1.0, {"dark": 1.0})}


def test_another_half_life_sums_anew_from_all_articles(store: Store) -> None:
    with store.begin() as connection:
        write(connection, TODAY - 20 * DAY, says(1, {"slow": 1}))
        weigh_terms(connection, PARAMETERS, TODAY - 20 * DAY)
        write(connection, TODAY, says(1, {"dark": 1}))
        weigh_terms(connection, TermParameters(half_life_days=20), TODAY)
        assert _sums(connection)["artist", 1] == (2, 1.5, {"slow": 0.5, "dark": 1.0})


def test_a_term_that_rises_is_found_the_day_it_rises(store: Store) -> None:
    with store.begin() as connection:
        for age in range(60, 0, -1):
            write(connection, TODAY - age * DAY, says(1, {"slow": 1, "guitar": float(age % 2)}))
            weigh_terms(connection, PARAMETERS, TODAY - age * DAY)
        assert "tour" not in [term.term for term in rising_terms(connection, "artist", 1, TODAY - DAY)]
        for _ in range(2):
            write(connection, TODAY, says(1, {"slow": 1, "tour": 1}))
        weigh_terms(connection, PARAMETERS, TODAY)
        risen = rising_terms(connection, "artist", 1, TODAY)
        assert risen[0].term == "tour"
        assert risen[0].gain == risen[0].weight > 0.1
        assert rising_terms(connection, "artist", 2, TODAY) == []


def test_what_rises_in_the_first_week_is_measured_from_the_first_day(store: Store) -> None:
    with store.begin() as connection:
        for age, word in ((2, "slow"), (0, "loud")):
            write(connection, TODAY - age * DAY, says(1, {word: 1, "guitar": 1}))
            weigh_terms(connection, PARAMETERS, TODAY - age * DAY)
        assert rising_terms(connection, "artist", 1, TODAY)[0].term == "loud"
        assert rising_terms(connection, "artist", 1, TODAY, kinds=["pair"]) == []
        assert rising_terms(connection, "artist", 1, TODAY - 2 * DAY) == []


def test_the_days_update_costs_what_the_days_articles_cost(store: Store) -> None:
    """Rows read and written by Postgres are counted: with ten times the history they are the same."""
    costs = []
    for history in (300, 2_700):
        with store.begin() as connection:
            for _ in range(history // 100):
                _write_many(connection, 100)
            weigh_terms(connection, PARAMETERS, TODAY - DAY)
        with store.begin() as connection:
            connection.execute(sa.text("ANALYZE article_terms, entity_terms, terms, top_terms, withdrawn_terms"))
        with store.begin() as connection:
            before = rows_touched(connection)
            write(connection, TODAY, says(1, {"slow": 1, "dark": 1}))
            weigh_terms(connection, PARAMETERS, TODAY)
            costs.append(rows_touched(connection) - before)
    assert costs[1] <= costs[0] * 1.1
    assert costs[1] < 300


def _write_many(connection: sa.Connection, count: int) -> None:
    first = int(connection.execute(sa.text("SELECT coalesce(max(article_id), 0) FROM articles")).scalar_one())
    articles = [add_article(connection) for _ in range(count)]
    said = [
        [says(1 if number % 300 == 0 else number + 2, {f"word{number % 50}": 1, "slow": 1})]
        for number in range(first, first + count)
    ]
    put_article_terms(connection, articles, [TODAY - DAY] * count, said)
