"""A Monday run, task by task: plan, score, allocate, finish, verify, publish.

Each function reads, calls pure functions, and writes; what it writes it writes under names made from the edition and
the shard, so that a task that runs again replaces its own work. Between tasks go ids and file names only.
"""

import datetime as dt
import importlib.metadata
import logging
import operator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.errors import ModelError
from recommenders.listening.interactions import Interactions, TasteParameters, load_interactions
from recommenders.mixing.candidates import Candidates
from recommenders.mixing.cold import Cold
from recommenders.mixing.likings import of_now
from recommenders.mixing.shelf import Forbidden, Shelf, load_shelf, read_forbidden
from recommenders.playlists.allocation import Lists, allocate
from recommenders.playlists.calendar import Moment
from recommenders.playlists.dials import limits_of
from recommenders.playlists.difference import MANY, find_changes, sentences
from recommenders.playlists.making import by_length, finish_lists, load_finishing, score_block
from recommenders.playlists.parameters import MixtapeRules, MondayParameters
from recommenders.playlists.planning import freeze, freeze_trial, save_frozen
from recommenders.playlists.scoring import Scoring, edition_model, load_scoring
from recommenders.playlists.trial import (
    TRIAL_COLUMNS,
    drafted_again,
    in_trial,
    load_tried,
    read_teams,
)
from recommenders.store import Artifacts, Store, eligibility, mixtapes, verification
from recommenders.store.database import advisory_lock
from recommenders.store.dials import Dials
from recommenders.store.mixtapes import Edition
from recommenders.timing import Stage

log = logging.getLogger(__name__)

BLOCK_USERS = 5_000
VERIFYING_CONNECTIONS = 2


def plan_week(
    store: Store,
    artifacts: Artifacts,
    parameters: MondayParameters,
    moment: Moment,
    *,
    run_key: str,
    now: dt.datetime,
    users_per_shard: int,
    least_shards: int,
) -> dict[str, Any]:
    """Freeze what the run works on.

    A past week uses the champion of that moment instead of today's. Returns `{"edition": id, "week": ISO date,
    "shards": [[first user id, end], ...], "announced": whether others are told of it}`. Raises NotEnoughDataError when
    there is no user or no track.
    """
    stage = Stage("plan")
    seed = parameters.seed if parameters.seed is not None else int(f"{moment.week:%Y%m%d}")
    with store.begin() as connection:
        advisory_lock(connection, "import")  # no import in the midst of what is frozen
        frozen = freeze(connection, artifacts, parameters, moment, seed)
        edition_id = mixtapes.plan_edition(
            connection,
            week=moment.week,
            run_key=run_key,
            dry_run=parameters.dry_run,
            cutoff=moment.cutoff,
            seed=seed,
            model_id=frozen.champion.model_id if frozen.champion else None,
            ranker_id=frozen.ranker.model_id if frozen.ranker else None,
            parameters=parameters.rules.model_dump(),
            warnings=frozen.warnings,
            package_version=importlib.metadata.version("monday-mixtape"),
            now=now,
            trial_model_id=parameters.trial_model,
            trial_share=parameters.trial_share if parameters.trial_model else None,
        )
        freeze_trial(connection, artifacts, edition_id, frozen, moment.cutoff, seed)
    shards = _shards(frozen.user_ids, users_per_shard, least_shards)
    cap = parameters.rules.exposure_cap(len(frozen.user_ids), int(frozen.shelf.eligible.sum()))
    save_frozen(artifacts, edition_id, frozen, {"exposure_cap": cap, "shard_starts": [first for first, _ in shards]})
    stage.done(len(frozen.user_ids), "users", f"{int(frozen.cold.by_sound.sum()):,} cold songs known by their sound")
    return {
        "edition": edition_id,
        "week": moment.week.isoformat(),
        "shards": shards,
        "announced": not (parameters.dry_run or moment.past),
    }


def _shards(user_ids: npt.NDArray[np.int64], users_per_shard: int, least_shards: int) -> list[list[int]]:
    """Half-open ranges of user ids that hold about equally many of `user_ids` (ascending); at most 256."""
    wanted = max(least_shards, -(-len(user_ids) // users_per_shard))
    parts = np.array_split(user_ids, max(1, min(256, wanted, len(user_ids))))
    ends = [int(part[0]) for part in parts[1:]] + [int(user_ids[-1]) + 1]
    return [[int(part[0]), end] for part, end in zip(parts, ends, strict=True)]


def score_shard(store: Store, artifacts: Artifacts, edition_id: int, users: Sequence[int]) -> str:
    """Rank the candidates of the users in the half-open range `users`, a block at a time; return the artifact's URI."""
    stage = Stage("score")
    with store.begin() as connection:
        scoring = load_scoring(connection, artifacts, edition_id)
        user_ids = eligibility.read_users(connection, scoring.edition.cutoff, (users[0], users[1]))
        tried = load_tried(connection, artifacts, scoring)
        blocks = (_score_block(connection, scoring, tried, block) for block in _blocks(user_ids))
        uri = artifacts.write_blocks(f"editions/{edition_id}/candidates-{users[0]}", blocks)
    stage.done(len(user_ids), "users")
    return uri


def _score_block(connection: Any, scoring: Scoring, tried: Scoring | None, user_ids: npt.NDArray[np.int64]) -> pa.Table:
    interactions = _listening(connection, scoring, user_ids)
    seen = _listening(connection, tried, user_ids[in_trial(scoring.edition, user_ids)]) if tried else None
    return score_block(connection, scoring, tried, user_ids, interactions, seen)


def _listening(connection: Any, scoring: Scoring, user_ids: npt.NDArray[np.int64]) -> Interactions:
    """The listening of `user_ids` (ascending), as the model weighs what is heard now."""
    taste = scoring.model.parameters if scoring.model else TasteParameters()
    return load_interactions(connection, scoring.edition.cutoff, of_now(taste), _range(user_ids))


def _blocks(user_ids: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The users in blocks, so that memory does not grow with them."""
    return np.array_split(user_ids, max(1, -(-len(user_ids) // BLOCK_USERS)))


def _range(user_ids: npt.NDArray[np.int64]) -> tuple[int, int]:
    return (int(user_ids[0]), int(user_ids[-1]) + 1) if len(user_ids) else (0, 0)


def allocate_songs(store: Store, artifacts: Artifacts, edition_id: int, shards: list[list[int]]) -> dict[str, int]:
    """Decide, for all shards together, who gets which song; one artifact of lists for each shard. Returns figures."""
    stage = Stage("allocate")
    folder = f"{artifacts.url}/editions/{edition_id}"
    shelf, facts = load_shelf(artifacts, f"{folder}/shelf.parquet")
    parts = [Candidates.load(artifacts, f"{folder}/candidates-{first}.parquet") for first, _ in shards]
    candidates = Candidates(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    with store.begin() as connection:
        edition = mixtapes.edition(connection, edition_id)
        rules = MixtapeRules(**edition.parameters)
        teams = read_teams(artifacts, edition, [first for first, _ in shards])
        allocation = allocate(
            shelf,
            candidates,
            limits_of(rules, _dials(artifacts, edition_id), candidates.user_ids),
            edition.seed,
            facts["exposure_cap"],
            lambda user_ids: _forbidden(connection, shelf, edition, rules, user_ids),
            teams,
        )
        lists = drafted_again(allocation.lists, candidates, teams, edition.seed)
        mixtapes.conclude_edition(connection, edition_id, "planned", {"allocation": allocation.figures})
    for first, end in shards:
        places = np.searchsorted(candidates.user_ids, [first, end])
        user_ids = candidates.user_ids[places[0] : places[1]]
        lists.slice(*places).save(artifacts, f"editions/{edition_id}/lists-{first}", user_ids)
        allocation.save_refused(artifacts, f"editions/{edition_id}/refused-{first}", user_ids, int(places[0]))
    allocation.save_exposure(artifacts, f"editions/{edition_id}/exposure")
    stage.done(len(candidates.user_ids), "users")
    return allocation.figures


def finish_shard(store: Store, artifacts: Artifacts, edition_id: int, users: Sequence[int]) -> int:
    """Order the songs of a shard's lists, find their reasons, and write them; return the number of lists."""
    stage = Stage("finish")
    folder = f"{artifacts.url}/editions/{edition_id}"
    shelf, _ = load_shelf(artifacts, f"{folder}/shelf.parquet")
    table, _ = artifacts.read(f"{folder}/lists-{users[0]}.parquet", columns=["user_id"])
    user_ids = table["user_id"].to_numpy()
    with store.begin() as connection:
        edition = mixtapes.edition(connection, edition_id)
        rules, dials = MixtapeRules(**edition.parameters), _dials(artifacts, edition_id)
        model = edition_model(connection, artifacts, edition)
        finishing = load_finishing(connection, artifacts, edition, shelf, model, _cold(artifacts, edition_id))
        mixtapes.delete_playlists(connection, edition, (users[0], users[1]))
        for block in map(_range, _blocks(user_ids)):
            block_ids, lists = Lists.load(artifacts, f"{folder}/lists-{users[0]}.parquet", block)
            names = ["user_id", "liked", "strengths", *(TRIAL_COLUMNS if finishing.tried else ())]
            scored, _ = artifacts.read(f"{folder}/candidates-{users[0]}.parquet", columns=names, users=block)
            finished = finish_lists(finishing, block_ids, lists, scored)
            wanted = limits_of(rules, dials, block_ids).length
            mixtapes.write_playlists(connection, edition, by_length(shelf, block_ids, finished, wanted))
    stage.done(len(user_ids), "users")
    return len(user_ids)


def verify_edition(store: Store, artifacts: Artifacts, edition_id: int) -> dict[str, Any]:
    """Check every rule on what was written; return the edition's figures. Raises ModelError, and publishes nothing,
    when one is broken."""
    stage = Stage("verify")
    _, facts = load_shelf(artifacts, f"{artifacts.url}/editions/{edition_id}/shelf.parquet")
    with store.begin() as connection:
        edition = mixtapes.edition(connection, edition_id)
        verification.refresh_statistics(connection, edition)
        reference = verification.read_reference(connection, edition.cutoff)
        blocks = _blocks(eligibility.read_users(connection, edition.cutoff))
    rules, dials = MixtapeRules(**edition.parameters).model_dump(), _dials(artifacts, edition_id)
    starts = [0, *(int(block[0]) for block in blocks[1:])]

    def check(users: tuple[int, int]) -> verification.Found:
        with store.begin() as connection:
            return verification.check_lists(connection, reference, edition, rules, dials, users)

    with ThreadPoolExecutor(VERIFYING_CONNECTIONS) as threads:
        found = reduce(operator.add, threads.map(check, zip(starts, [*starts[1:], 2**62], strict=True)))
    broken = verification.broken_rules(found, facts["exposure_cap"])
    with store.begin() as connection:
        figures = verification.figures(connection, found)
        mixtapes.conclude_edition(
            connection, edition_id, "failed" if broken else "verified", figures | {"broken_rules": broken}
        )
    stage.done(figures["playlists"], "mixtapes")
    if broken:
        named = "; ".join(f"{rule}: {count}" for rule, count in broken.items())
        raise ModelError(f"Edition {edition_id} of {edition.week} breaks rules and is not published. {named}.")
    return figures


def publish_edition(store: Store, edition_id: int, now: dt.datetime) -> str:
    """Publish the edition or, for a dry run, report what it would change; return a sentence that says which."""
    stage = Stage("publish")
    with store.begin() as connection:
        edition = mixtapes.edition(connection, edition_id)
        changes = find_changes(connection, edition)
        details = sentences(connection, changes["difference"]) if "difference" in changes else []
        mixtapes.conclude_edition(connection, edition_id, edition.state, changes)
        if edition.dry_run:
            mixtapes.conclude_edition(connection, edition_id, "dry_run", {})
            said = f"Dry run: edition {edition_id} of {edition.week} is kept and not published."
        elif mixtapes.publish_edition(connection, edition, now):
            said = f"Published edition {edition_id} of {edition.week}."
        else:
            said = f"Edition {edition_id} of {edition.week} is not published: one that is newer or knows more is out."
    if changes:
        said += (
            f" Compared with edition {changes['compared_with']} of {changes['compared_week']}, "
            f"{changes['users_over_20_changed']:,} of {changes['users_compared']:,} users would change more than "
            f"{MANY} songs."
        )
    stage.done(edition.figures.get("playlists", 0), "mixtapes")
    for sentence in (said, *details):
        log.info(sentence)
    return said


def is_published(store: Store, edition_id: int) -> bool:
    """Whether the edition was published, not only made."""
    with store.begin() as connection:
        return mixtapes.edition(connection, edition_id).state == "published"


def _cold(artifacts: Artifacts, edition_id: int) -> Cold:
    return Cold.load(artifacts, f"{artifacts.url}/editions/{edition_id}/cold.parquet")


def _dials(artifacts: Artifacts, edition_id: int) -> Dials:
    return Dials.load(artifacts, f"{artifacts.url}/editions/{edition_id}/dials.parquet")


def _forbidden(
    connection: Any, shelf: Shelf, edition: Edition, rules: MixtapeRules, user_ids: npt.NDArray[np.int64]
) -> Forbidden:
    return read_forbidden(
        connection, shelf, user_ids, cutoff=edition.cutoff, week=edition.week, memory_weeks=rules.memory_weeks
    )
