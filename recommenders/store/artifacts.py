"""Artifacts: what is too large for Postgres, as Parquet files under one URL (a folder or a bucket)."""

import itertools
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from recommenders.errors import ArtifactError

_FACTS = b"mixtape"


class Artifacts:
    """The artifacts folder. Files are written whole or not at all, and never changed afterwards."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def write(self, name: str, table: pa.Table, facts: dict[str, Any] | None = None) -> str:
        """Store `table` with `facts` (JSON) as NAME.parquet, replacing an earlier one; return its URI."""
        return self.write_blocks(name, [table], facts)

    def write_blocks(self, name: str, blocks: Iterable[pa.Table], facts: dict[str, Any] | None = None) -> str:
        """Store tables of one schema, at least one, one after the other in one file; one is in memory at a time."""
        uri = f"{self.url}/{name}.parquet"
        filesystem, path = fsspec.core.url_to_fs(uri)
        filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        unfinished = f"{path}.{uuid.uuid4().hex}.part"
        following = iter(blocks)
        first = next(following)
        schema = first.schema if facts is None else first.schema.with_metadata({_FACTS: json.dumps(facts).encode()})
        try:
            with (
                filesystem.open(unfinished, "wb") as file,
                pq.ParquetWriter(file, schema, compression="lz4", use_dictionary=False, store_schema=True) as writer,
            ):
                for block in itertools.chain([first], following):
                    writer.write_table(block.replace_schema_metadata(schema.metadata))
            filesystem.mv(unfinished, path)
        except BaseException:
            if filesystem.exists(unfinished):
                filesystem.rm(unfinished)
            raise
        return uri

    def read(
        self, uri: str, columns: list[str] | None = None, users: tuple[int, int] | None = None
    ) -> tuple[pa.Table, dict[str, Any]]:
        """The table and the facts at `uri`; only these columns, and of a table with `user_id` only the half-open range
        `users`. Raises ArtifactError when the file is missing or damaged."""
        chosen = users and [("user_id", ">=", users[0]), ("user_id", "<", users[1])]
        try:
            with fsspec.open(uri, "rb") as file:
                table = pq.read_table(file, columns=columns, filters=chosen)
        except (OSError, pa.ArrowException) as error:
            raise _lost(uri, error) from error
        metadata = table.schema.metadata or {}
        return table, json.loads(metadata.get(_FACTS, b"{}"))

    def read_blocks(self, uri: str) -> Iterator[pa.Table]:
        """The tables that `write_blocks` stored at `uri`, one after the other; one is in memory at a time.

        Raises ArtifactError when the file is missing or damaged.
        """
        try:
            with fsspec.open(uri, "rb") as file:
                parts = pq.ParquetFile(file)
                for number in range(parts.num_row_groups):
                    yield parts.read_row_group(number)
        except (OSError, pa.ArrowException) as error:
            raise _lost(uri, error) from error

    def newest_first(self, folder: str) -> list[str]:
        """The URIs of all artifacts in `folder` and the folders in it, the one written last first."""
        filesystem, path = fsspec.core.url_to_fs(f"{self.url}/{folder}")
        files = [file for file in filesystem.find(path) if file.endswith(".parquet")]
        dated = sorted(((filesystem.modified(file), file) for file in files), reverse=True)
        return [str(filesystem.unstrip_protocol(file)) for _, file in dated]

    def exists(self, uri: str) -> bool:
        """Whether there is a file at `uri`."""
        filesystem, path = fsspec.core.url_to_fs(uri)
        return bool(filesystem.exists(path))

    def remove(self, name: str) -> None:
        """Delete everything whose name begins with `name` + "/", if there is any."""
        filesystem, path = fsspec.core.url_to_fs(f"{self.url}/{name}")
        if filesystem.exists(path):
            filesystem.rm(path, recursive=True)

    def names(self, folder: str) -> list[str]:
        """The names of what lies directly in `folder`, sorted; none where there is no such folder."""
        filesystem, path = fsspec.core.url_to_fs(f"{self.url}/{folder}")
        if not filesystem.exists(path):
            return []
        return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False))

    def delete(self, uri: str) -> bool:
        """Delete the one file at `uri`; False when it is gone already."""
        filesystem, path = fsspec.core.url_to_fs(uri)
        if not filesystem.exists(path):
            return False
        filesystem.rm_file(path)
        return True


def _lost(uri: str, error: Exception) -> ArtifactError:
    return ArtifactError(f"The artifact {uri} is missing or damaged: {error}. Run the task that wrote it again.")


def matrix_column(matrix: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """A (n, k) array as one Arrow column of lists of k."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(matrix).ravel()), matrix.shape[1])


def column_matrix(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """The (n, k) array that `matrix_column` stored, as a copy that may be changed."""
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = combined.chunk(0)
    width = combined.type.list_size
    matrix: npt.NDArray[Any] = combined.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return matrix if matrix.flags.writeable else matrix.copy()
