"""Terms stored by several at once: each is one row, and nobody's sayings are lost or counted twice."""

import threading

import sqlalchemy as sa

from recommenders.language.weighing import weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.store import Store
from tests.language.writing import TODAY, add_article, says, write

WORDS = {f"word{number}": 1.0 for number in range(50)}


def test_two_who_meet_the_same_new_terms_share_them(store: Store) -> None:
    with store.begin() as connection:
        articles = [add_article(connection) for _ in range(2)]
    in_first, in_second = threading.Event(), threading.Event()

    def second() -> None:
        in_first.wait(30)
        with store.begin() as connection:
            in_second.set()
            write(connection, TODAY, says(2, WORDS), article_id=articles[1])

    thread = threading.Thread(target=second)
    thread.start()
    with store.begin() as connection:
        write(connection, TODAY, says(1, WORDS), article_id=articles[0])
        in_first.set()
        in_second.wait(30)
    thread.join(30)
    assert not thread.is_alive()
    with store.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*), max(term_id) FROM terms")).one() == (50, 50)
        rows = connection.execute(sa.text("SELECT DISTINCT term_ids FROM article_terms")).all()
        assert len(rows) == 1


def test_what_is_stored_while_others_weigh_is_weighed_the_next_time(store: Store) -> None:
    with store.begin() as connection:
        write(connection, TODAY, says(1, {"slow": 1}))
        late = add_article(connection)
    with store.begin() as weighing:
        assert weigh_terms(weighing, TermParameters(), TODAY).said == 1
        with store.begin() as reading:
            write(reading, TODAY, says(1, {"dark": 1}), article_id=late)
    with store.begin() as connection:
        assert weigh_terms(connection, TermParameters(), TODAY).said == 1
        query = sa.text("SELECT articles, mass, cardinality(term_ids) FROM entity_terms")
        assert connection.execute(query).one() == (2, 2.0, 2)


def test_an_article_read_anew_while_others_weigh_counts_once(store: Store) -> None:
    with store.begin() as connection:
        article = write(connection, TODAY, says(1, {"slow": 1}))
    begun, done = threading.Event(), threading.Event()

    def read_anew() -> None:
        begun.wait(30)
        with store.begin() as connection:
            write(connection, TODAY, says(1, {"dark": 1}), article_id=article)
        done.set()

    thread = threading.Thread(target=read_anew)
    thread.start()
    with store.begin() as weighing:
        weigh_terms(weighing, TermParameters(), TODAY)
        begun.set()
        assert not done.wait(0.5)  # it waits for the one that weighs
    thread.join(30)
    with store.begin() as connection:
        weigh_terms(connection, TermParameters(), TODAY)
        found = connection.execute(
            sa.text(
                "SELECT articles, mass, ARRAY(SELECT term FROM terms WHERE term_id = ANY(term_ids)) FROM entity_terms"
            )
        ).one()
        assert found == (1, 1.0, ["dark"])
