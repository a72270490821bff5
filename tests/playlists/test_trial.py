"""A whole Monday with a trial: two models in one mixtape, under all the rules, and nobody the wiser by the database."""

import datetime as dt
import io
from collections import Counter
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from rich.console import Console
from scipy.sparse import csr_matrix

from recommenders.collaborative.items import ItemModel, ItemParameters, save_items
from recommenders.collaborative.model import AlsParameters, CollaborativeModel, save_model
from recommenders.errors import ArtifactError, ModelError
from recommenders.exchange.terminal import status_table
from recommenders.mixing.candidates import Candidates
from recommenders.mixing.ranker import Ranker
from recommenders.playlists import allocation, monday
from recommenders.playlists.trial import Team, takes_part
from recommenders.store import models
from recommenders.store.status import service_status
from tests.playlists.conftest import CUTOFF, WEEK, Service, plant

ROWS = "user_id, track_ids, scores, sources, reason_codes, reason_ids, bends, short_reason, teams"


def candidate(service: Service, factors: np.ndarray, *, status: str = "rejected", name: str = "tried") -> int:
    """A model of a space of its own that the gate has turned down."""
    parameters = AlsParameters(factors=factors.shape[1], regularisation=0.1, alpha=1.0, eps=1.0)
    model = CollaborativeModel(np.array(service.tracks), factors.astype(np.float32), parameters, 2)
    uri = save_model(service.artifacts, name, model)
    with service.store.begin() as connection:
        model_id = models.add_candidate(
            connection,
            kind="collaborative",
            space=2,
            run_key=name,
            trained_at=CUTOFF,
            cutoff=CUTOFF,
            parameters=parameters.model_dump(),
            metrics={},
            artifact_uri=uri,
            package_version="test",
        )
    service.sql("UPDATE models SET status = :status WHERE model_id = :id", status=status, id=model_id)
    return model_id


def ranker(service: Service, weights: list[float], *, status: str = "champion") -> int:
    """A ranker that weighs what the models say like this, with an item-to-item model of its own."""
    n = len(service.tracks)
    drawn = np.random.default_rng(n).integers(0, n, (4, n))
    items = csr_matrix((np.ones(4 * n, np.float32), (np.tile(np.arange(n), 4), drawn.ravel())), shape=(n, n))
    model = ItemModel(np.array(service.tracks), items, csr_matrix((n, n), dtype=np.float32), ItemParameters())
    uri = save_items(service.artifacts, f"items-{status}", model)
    with service.store.begin() as connection:
        model_id = models.add_candidate(
            connection,
            kind="ranker",
            space=1,
            run_key=f"ranker {status}",
            trained_at=CUTOFF,
            cutoff=CUTOFF,
            parameters=Ranker(weights=tuple(weights)).model_dump(mode="json"),
            metrics={},
            artifact_uri=uri,
            package_version="test",
        )
    service.sql(
        "UPDATE models SET status = :status, promoted_at = :at WHERE model_id = :id",
        status=status,
        at=CUTOFF - dt.timedelta(days=1) if status == "champion" else None,
        id=model_id,
    )
    return model_id


def rows(service: Service, edition: int) -> list[tuple]:
    return service.sql(f"SELECT {ROWS} FROM playlists WHERE edition_id = :e ORDER BY user_id", e=edition)


def teams(service: Service, edition: int) -> dict[int, list[int] | None]:
    return dict(service.sql("SELECT user_id, teams FROM playlists WHERE edition_id = :e", e=edition))


@pytest.fixture
def two_models(service: Service) -> tuple[int, int]:
    """A service full of traps with a champion, and a rejected model that knows better and counts in thousands."""
    factors = plant(service, 21)
    champion = service.promote(factors)
    other = np.random.default_rng(5).normal(size=factors.shape) * 30
    return champion, candidate(service, other)


def test_each_song_of_a_published_mixtape_says_which_side_picked_it(
    service: Service, two_models: tuple[int, int]
) -> None:
    edition = service.run(trial_model=two_models[1])
    lists, sides = service.lists(edition), teams(service, edition)
    assert service.sql("SELECT model_id, trial_model_id, trial_share FROM editions") == [(*two_models, 1.0)]
    assert all(side is not None and len(side) == len(lists[user]) for user, side in sides.items())
    # Whatever the caps took away, from whichever side: half of each list is either side's.
    assert all(sorted(side) == [Team.CHAMPION] * 15 + [Team.TRIED] * 15 for side in sides.values())


@pytest.mark.parametrize("column", ["teams", "scores"])
def test_a_list_that_does_not_say_as_much_of_each_of_its_songs_is_not_published(
    service: Service, two_models: tuple[int, int], column: str
) -> None:
    edition = service.run(trial_model=two_models[1], publish=False)
    service.sql(f"UPDATE playlists SET {column} = {column}[1:29] WHERE user_id = :u", u=service.users[9])
    with pytest.raises(ModelError, match="lists that are neither full nor say why they are short: 1"):
        monday.verify_edition(service.store, service.artifacts, edition)


def test_both_sides_picks_are_from_their_own_model(service: Service, two_models: tuple[int, int]) -> None:
    check_sides(service, *two_models)


BY_PLAYS, BY_OTHERS = [5.0, 1.0, 1.0, 0.0, 0.0, 0.1, 0.0], [0.5, 5.0, 0.0, 0.0, 0.0, 1.0, 0.5]


def test_beside_a_ranker_a_model_is_tried_in_the_mix_with_vectors_of_its_own_length(service: Service) -> None:
    """Spaces of 8 and 12 dimensions: whatever multiplied a vector of one by one of the other would fail."""
    champion = service.promote(plant(service, 25))
    ranker(service, BY_PLAYS)
    other = np.random.default_rng(7).normal(size=(len(service.tracks), 12))
    check_sides(service, champion, candidate(service, other))


def test_a_ranker_is_tried_beside_the_one_that_serves(service: Service) -> None:
    service.promote(plant(service, 26))
    champion = ranker(service, BY_PLAYS)
    tried = ranker(service, BY_OTHERS, status="rejected")
    check_sides(service, champion, tried)
    told = service.sql("SELECT model_id, ranker_id, trial_model_id FROM editions ORDER BY edition_id LIMIT 1")
    assert told == [(1, champion, tried)]


def check_sides(service: Service, champion: int, tried: int) -> None:
    """The trial's songs are, nearly all, among those that the side that picked them gives alone."""
    edition = service.run(trial_model=tried)
    lists, sides = service.lists(edition), teams(service, edition)
    counts = Counter(team for side in sides.values() for team in side)
    assert min(counts[Team.CHAMPION], counts[Team.TRIED]) > 0.35 * counts.total()
    alone = {team: best_of(service, own) for own, team in ((champion, Team.CHAMPION), (tried, Team.TRIED))}
    for team, own in alone.items():
        picked = {user: {t for t, side in zip(lists[user], sides[user], strict=True) if side == team} for user in lists}
        inside = sum(len(songs & set(own[user])) for user, songs in picked.items())
        assert inside > 0.9 * sum(map(len, picked.values()))
    assert any(alone[Team.CHAMPION][user][:30] != alone[Team.TRIED][user][:30] for user in lists)


def best_of(service: Service, model_id: int) -> dict[int, list[int]]:
    """The hundred songs that a model gives each user without anybody else."""
    service.sql(
        "UPDATE models SET status = 'retired', retired_at = :at WHERE status = 'champion' "
        "AND kind = (SELECT kind FROM models WHERE model_id = :id)",
        at=CUTOFF,
        id=model_id,
    )
    service.sql("UPDATE models SET status = 'champion', promoted_at = :at WHERE model_id = :id", at=CUTOFF, id=model_id)
    edition = service.run(run_key=f"alone {model_id}", publish=False)
    uris = Path(urlparse(f"{service.artifacts.url}/editions/{edition}").path).glob("candidates-*.parquet")
    found = {}
    for uri in uris:
        candidates = Candidates.load(service.artifacts, uri.as_uri())
        for user, own in zip(candidates.user_ids, candidates.rows, strict=True):
            found[int(user)] = [service.tracks[row] for row in own if row >= 0]
    return found


def test_a_redo_gives_the_same_bytes_however_it_is_cut(
    service: Service, two_models: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [service.run(shards=n, run_key=f"run {n}", trial_model=two_models[1], trial_share=0.6) for n in (1, 3, 40)]
    monkeypatch.setattr(monday, "BLOCK_USERS", 7)
    monkeypatch.setattr(allocation, "SAVED_BLOCK", 4)
    runs.append(service.run(shards=2, run_key="small blocks", trial_model=two_models[1], trial_share=0.6))
    first, *others = [rows(service, edition) for edition in runs]
    assert all(other == first for other in others)


def test_a_side_whose_songs_everybody_wants_gets_its_half_and_opens_as_many_mixtapes(service: Service) -> None:
    """The candidate gives everybody the same few songs, of which a mixtape may have hardly any."""
    factors = plant(service, 27, users=120)
    service.promote(factors)
    same = np.abs(np.random.default_rng(2).normal(size=factors.shape)) * 0.1 + 1
    edition = service.run(trial_model=candidate(service, same))
    sides = teams(service, edition)
    known = service.users[2:]
    share = np.array([[team == Team.TRIED for team in sides[user]] for user in known])
    assert share.mean() == pytest.approx(0.5, abs=0.03)
    opens = share[:, 0].mean()
    assert 0.3 < opens < 0.7
    exposure = Counter(track for tracks in service.lists(edition).values() for track in tracks)
    assert max(exposure.values()) <= max(20, 12, 3 * 30 * 120 // 300)


def test_only_a_share_of_the_users_is_in_it_and_they_stay_in(service: Service, two_models: tuple[int, int]) -> None:
    tried = two_models[1]
    expected = {
        user: bool(part)
        for user, part in zip(service.users, takes_part(np.array(service.users), tried, 0.3), strict=True)
    }
    assert 0 < sum(expected.values()) < len(expected)
    for n in (0, 1):
        week = WEEK + n * dt.timedelta(weeks=1)
        edition = service.run(week=week, run_key=f"{week}", trial_model=tried, trial_share=0.3)
        assert {user: side is not None for user, side in teams(service, edition).items()} == expected
    without = service.run(week=WEEK + dt.timedelta(weeks=2), run_key="without")
    assert set(teams(service, without).values()) == {None}


def test_the_state_of_the_service_names_the_trial(service: Service, two_models: tuple[int, int]) -> None:
    service.run(trial_model=two_models[1], trial_share=0.25)
    with service.store.begin() as connection:
        status = service_status(connection, CUTOFF)
    assert status.week is not None
    assert (status.week.trial_model_id, status.week.trial_share) == (two_models[1], 0.25)
    shown = io.StringIO()
    Console(file=shown, width=200).print(status_table(status, dt.UTC))
    assert f"model {two_models[1]} beside the champion, for 25 % of users" in shown.getvalue()


def test_a_share_so_small_that_nobody_is_in_it_changes_no_mixtape(
    service: Service, two_models: tuple[int, int]
) -> None:
    plain = service.run(run_key="plain")
    edition = service.run(run_key="trial", trial_model=two_models[1], trial_share=1e-9)
    assert rows(service, edition) == rows(service, plain)


def test_a_model_tried_beside_its_own_twin_gives_nearly_the_mixtapes_that_it_gives_alone(service: Service) -> None:
    """Nearly: where a rule takes one side's song away, that side's next one comes."""
    factors = plant(service, 22)
    service.promote(factors)
    plain = service.lists(service.run(run_key="plain"))
    edition = service.run(run_key="trial", trial_model=candidate(service, factors))
    lists = service.lists(edition)
    assert np.mean([len(set(lists[user]) & set(plain[user])) / 30 for user in plain]) > 0.9
    assert Counter(team for side in teams(service, edition).values() for team in side)[Team.NEITHER] == 0


def test_the_reasons_of_a_side_s_songs_are_true_by_its_own_model(service: Service) -> None:
    """Every song that names plays is solved again in numpy, by the model that picked it, without them."""
    factors = {Team.CHAMPION: plant(service, 23)}
    factors[Team.TRIED] = np.random.default_rng(6).normal(size=factors[Team.CHAMPION].shape)
    service.promote(factors[Team.CHAMPION])
    edition = service.run(trial_model=candidate(service, factors[Team.TRIED]))
    heard: dict[int, list[int]] = {}
    for user, track in service.sql("SELECT user_id, track_id FROM heard ORDER BY 1, 2"):
        heard.setdefault(user, []).append(service.tracks.index(track))
    named = service.sql(
        "SELECT p.user_id, s.track_id, s.reason_track_ids, p.teams[s.position] FROM playlists p "
        "JOIN playlist_tracks s USING (week, edition_id, user_id) "
        "WHERE p.edition_id = :e AND s.reason = 'plays'",
        e=edition,
    )
    assert min(Counter(team for *_, team in named).values()) > 200
    for user, track, plays, team in named:
        vectors, song = factors[Team(team)].astype(np.float64), service.tracks.index(track)
        left = [i for i in heard[user] if service.tracks[i] not in plays]
        with_them, without = (_score(vectors, song, liked) for liked in (heard[user], left))
        assert without < with_them


def _score(vectors: np.ndarray, song: int, liked: list[int]) -> float:
    confidence = 1 + np.log1p(5 / 2)  # five plays without a date, aged one half-life
    gram = vectors.T @ vectors + (confidence - 1) * vectors[liked].T @ vectors[liked] + 0.1 * np.eye(vectors.shape[1])
    return float(vectors[song] @ np.linalg.solve(gram, confidence * vectors[liked].sum(axis=0)))


def test_a_trial_that_cannot_be_ends_the_run_before_anything_is_written(service: Service) -> None:
    factors = plant(service, 24)
    tried = candidate(service, factors)
    with pytest.raises(ModelError, match="there is no champion that picks the other songs"):
        service.run(trial_model=tried)
    champion = service.promote(factors)
    with pytest.raises(ModelError, match="There is no model 99"):
        service.run(trial_model=99)
    with pytest.raises(ModelError, match=f"Model {champion} is what the champion {champion} is"):
        service.run(trial_model=champion)
    service.sql("UPDATE models SET kind = 'audio' WHERE model_id = :id", id=tried)
    with pytest.raises(ModelError, match="is of the kind 'audio'"):
        service.run(trial_model=tried)
    service.sql("UPDATE models SET kind = 'ranker' WHERE model_id = :id", id=tried)
    with pytest.raises(ModelError, match="was learned for another space"):
        service.run(trial_model=tried)
    service.sql("UPDATE models SET kind = 'collaborative' WHERE model_id = :id", id=tried)
    (Path(urlparse(service.artifacts.url).path) / "tried.parquet").unlink()
    with pytest.raises(ArtifactError):
        service.run(trial_model=tried)
    for table in ("editions", "weeks", "playlists"):
        assert service.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_tried_model_that_knows_what_came_after_the_cut_off_is_told(service: Service) -> None:
    factors = plant(service, 24)
    service.promote(factors)
    tried = candidate(service, -factors)
    service.sql("UPDATE models SET cutoff = :at WHERE model_id = :id", at=CUTOFF + dt.timedelta(days=1), id=tried)
    edition = service.run(trial_model=tried)
    (warnings,) = service.sql("SELECT warnings FROM editions WHERE edition_id = :e", e=edition)[0]
    assert any("2026-11-24 05:00 UTC" in warning and "advantage" in warning for warning in warnings)
