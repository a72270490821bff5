"""One user's list while all others keep theirs: what the allocation of a run would have given with other wishes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommenders.mixing.candidates import Candidates
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.playlists.allocation import NO_TEAMS, Lists, complete, lists_of, welcomed
from recommenders.playlists.dials import Limits
from recommenders.playlists.reasons import Bend
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix


class Standing(NamedTuple):
    """How a user stands to the others' lists: `kept` and `refused` (n,) int32 rows of the shelf, that the user has
    without a bent rule, and that others wanted more; `exposure` (n_tracks,) int64, lists that each song is on."""

    kept: npt.NDArray[np.int32]
    refused: npt.NDArray[np.int32]
    exposure: npt.NDArray[np.int64]

    @staticmethod
    def load(artifacts: Artifacts, folder: str, shard: int, user_id: int) -> "Standing":
        """What a run stored in `folder`, of the user in the shard that begins with the user id `shard`."""
        user = (user_id, user_id + 1)
        _, lists = Lists.load(artifacts, f"{folder}/lists-{shard}.parquet", user)
        kept = lists.rows[(lists.rows >= 0) & ~np.isin(lists.bends, (Bend.EXPOSURE, Bend.ARTIST))]
        table, _ = artifacts.read(f"{folder}/refused-{shard}.parquet", columns=["user_id", "refused"], users=user)
        scored, _ = artifacts.read(f"{folder}/candidates-{shard}.parquet", columns=["user_id", "rows"], users=user)
        rows = column_matrix(scored["rows"])
        refused = np.unpackbits(column_matrix(table["refused"]), axis=1, count=rows.shape[1]).astype(np.bool_)
        exposure, _ = artifacts.read(f"{folder}/exposure.parquet")
        return Standing(kept, rows[refused], exposure["exposure"].to_numpy())


def allocate_one(
    shelf: Shelf,
    candidates: Candidates,
    limits: Limits,
    standing: Standing,
    cap: int,
    read_forbidden: Callable[[npt.NDArray[np.int64]], Forbidden],
    teams: npt.NDArray[np.int8] = NO_TEAMS,
) -> Lists:
    """The list of one user, while all others keep theirs; in a trial `teams` as `allocate` takes them.

    A song that is on as many mixtapes as may be is taken, unless the user is one of those who have it. With the
    candidates and limits of the run itself this is the list of the run.
    """
    from recommenders.playlists.kernels import choose

    rows = candidates.rows
    crowded = (standing.exposure[np.maximum(rows, 0)] >= cap) & ~np.isin(rows, standing.kept)
    taken = np.isin(rows, standing.refused) | crowded
    chosen = np.full((1, int(limits.length[0])), -1, dtype=np.int16)
    choose(shelf, np.zeros(1, np.int64), candidates, welcomed(shelf, candidates), taken, limits, teams, chosen)
    lists = lists_of(candidates, chosen)
    exposure = standing.exposure.copy()
    exposure[standing.kept] = np.minimum(exposure[standing.kept], cap - 1)
    complete(shelf, candidates, lists, limits, cap, exposure, read_forbidden)
    return lists
