"""Training the network: a program of its own, since no process may hold both tensorflow and essentia.

    python -m recommenders.audio.training ARTIFACTS_URL FOLDER

It reads FOLDER/lessons and the stored excerpts, and writes FOLDER/network (`serving` reads it). After every pass it
writes FOLDER/checkpoint: killed and started again, it goes on after the last one. The same lessons, seed and settings
give the same network, to the last bit, on the same kind of processor with as many threads; on others to about 1e-3.
"""

import io
import logging
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.mels import read_mels
from recommenders.audio.network import NetworkParameters, build, freeze
from recommenders.audio.programs import end_with_parent
from recommenders.errors import ArtifactError
from recommenders.store.artifacts import Artifacts, column_matrix, matrix_column
from recommenders.store.places import places_of
from recommenders.timing import Stage

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_SURE = 1e-6  # no tag is thought surer, or less likely


@dataclass(frozen=True)
class Lessons:
    """What the network learns: for each of `track_ids` (n_tracks,), ascending, where its collaborative vector points.

    A track that is `unseen` is not learnt from: it tells when to stop. A track without any tag teaches none.
    """

    track_ids: npt.NDArray[np.int64]
    directions: Floats  # (n_tracks, n_factors), unit rows
    confidences: Floats  # (n_tracks,), of mean 1
    unseen: npt.NDArray[np.bool_]  # (n_tracks,)
    tags: Floats  # (n_tracks, n_tags), between 0 and 1
    tag_names: tuple[str, ...]
    parameters: NetworkParameters
    seed: int

    def save(self, artifacts: Artifacts, folder: str) -> None:
        """Store as the artifact FOLDER/lessons."""
        columns = {name: getattr(self, name) for name in ("track_ids", "confidences", "unseen")}
        table = pa.table(columns | {"directions": matrix_column(self.directions)})
        if self.tag_names:
            table = table.append_column("tags", matrix_column(self.tags))
        facts = {"parameters": self.parameters.model_dump(), "seed": self.seed, "tag_names": self.tag_names}
        artifacts.write(f"{folder}/lessons", table, facts)

    @staticmethod
    def load(artifacts: Artifacts, folder: str) -> "Lessons":
        """What `save` stored."""
        table, facts = artifacts.read(f"{artifacts.url}/{folder}/lessons.parquet")
        return Lessons(
            track_ids=table["track_ids"].to_numpy(),
            directions=column_matrix(table["directions"]),
            confidences=table["confidences"].to_numpy(),
            unseen=table["unseen"].to_numpy(),
            tags=column_matrix(table["tags"]) if facts["tag_names"] else np.zeros((len(table), 0), dtype=np.float32),
            tag_names=tuple(facts["tag_names"]),
            parameters=NetworkParameters(**facts["parameters"]),
            seed=facts["seed"],
        )


@dataclass(frozen=True)
class Excerpts:
    """The excerpts of the lessons: `mels` (n, 599, 128) float16, mapped from a file; `track` (n,) is a place there."""

    mels: npt.NDArray[np.float16]
    track: npt.NDArray[np.int64]
    mean: Floats  # (128,) of the bands
    deviation: Floats

    @staticmethod
    def collect(artifacts: Artifacts, lessons: Lessons, folder: Path) -> "Excerpts":
        """Copy the excerpts of the lessons' tracks into one file in `folder`, a block at a time."""
        path, places, sums = folder / "mels", [], np.zeros((2, BANDS))
        with path.open("wb") as file:
            for track_ids, mels in read_mels(artifacts, lessons.track_ids):
                file.write(mels.tobytes())
                places.append(places_of(lessons.track_ids, track_ids))
                exact = mels.astype(np.float32)
                sums += exact.sum(axis=(0, 1), dtype=np.float64), np.square(exact).sum(axis=(0, 1), dtype=np.float64)
        track = np.concatenate(places) if places else np.empty(0, dtype=np.int64)
        mean, square = sums / max(len(track) * FRAMES, 1)
        deviation = np.sqrt(np.maximum(square - mean**2, 1e-4))
        mapped = np.memmap(path, np.float16, "r", shape=(len(track), FRAMES, BANDS))
        return Excerpts(mapped, track, mean.astype(np.float32), deviation.astype(np.float32))


@dataclass
class Progress:
    """How far training has come."""

    epoch: int = 0  # passes done
    best_epoch: int = 0
    best: float = -1.0  # mean cosine on unseen tracks after the best pass

    def better(self, cosine: float) -> bool:
        """Note what one more pass led to; whether it is the best so far."""
        self.epoch += 1
        if cosine <= self.best:
            return False
        self.best, self.best_epoch = cosine, self.epoch
        return True

    def over(self, parameters: NetworkParameters) -> bool:
        """Whether there is nothing more to gain."""
        return self.epoch >= parameters.epochs or self.epoch - self.best_epoch >= parameters.patience


def train(artifacts: Artifacts, folder: str) -> str:
    """Train on FOLDER/lessons; return the URI of the finished network. One that is there already is kept."""
    uri = f"{artifacts.url}/{folder}/network.parquet"
    if artifacts.exists(uri):
        return uri
    lessons = Lessons.load(artifacts, folder)
    with tempfile.TemporaryDirectory(prefix="mixtape-") as scratch:
        stage = Stage("collect excerpts")
        excerpts = Excerpts.collect(artifacts, lessons, Path(scratch))
        stage.done(len(excerpts.track), "excerpts")
        course = _Course(lessons, excerpts)
        course.go_on(artifacts, folder)
        while not course.progress.over(lessons.parameters):
            course.one_pass()
            course.keep(artifacts, folder)
    facts = {
        "factors": lessons.directions.shape[1],
        "tags": lessons.tag_names,
        "epochs": course.progress.epoch,
        "best_epoch": course.progress.best_epoch,
        "cosine": course.progress.best,
        "excerpts": len(excerpts.track),
        "device": course.device,
    }
    return artifacts.write(f"{folder}/network", pa.table({"graph": [freeze(course.finished())]}), facts)


class _Course:
    """One training: the model, its optimiser, and how far it has come."""

    def __init__(self, lessons: Lessons, excerpts: Excerpts) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(lessons.seed)
        tf.config.experimental.enable_op_determinism()
        gpus = tf.config.list_physical_devices("GPU")
        self.device = gpus[0].name if gpus else "processor"
        log.info("Training on the %s", self.device)
        self.lessons, self.excerpts, self.parameters = lessons, excerpts, lessons.parameters
        self.seen = np.flatnonzero(~lessons.unseen[excerpts.track])
        self.unseen = np.flatnonzero(lessons.unseen[excerpts.track])
        shape = lessons.directions.shape[1], lessons.tags.shape[1]
        self.model = build(lessons.parameters, *shape, excerpts.mean, excerpts.deviation)
        steps = self.parameters.epochs * -(-len(self.seen) // self.parameters.batch)
        pace = keras.optimizers.schedules.CosineDecay(self.parameters.learning_rate, steps)
        self.optimiser = keras.optimizers.AdamW(pace, weight_decay=self.parameters.weight_decay)
        self.optimiser.build(self.model.trainable_variables)
        self.progress, self.best = Progress(), self.state()
        self._step = tf.function(self._learn, reduce_retracing=True)
        self._hear = tf.function(lambda mel: self.model(mel, training=False), reduce_retracing=True)

    def one_pass(self) -> None:
        """Learn from every seen excerpt once, in an order drawn for this pass, and look at the unseen ones."""
        epoch = self.progress.epoch
        stage, losses = Stage(f"pass {epoch + 1} of at most {self.parameters.epochs}"), []
        for batch in self._batches(np.random.default_rng([self.lessons.seed, epoch])):
            losses.append(float(self._step(*batch)))
        cosine = self.cosine()
        if self.progress.better(cosine):
            self.best = self.state()
        note = f"loss {np.mean(losses):.4f}, cosine on unseen artists {cosine:.4f}"
        stage.done(len(self.seen), "excerpts", note)

    def cosine(self) -> float:
        """The mean cosine between heard and true directions of the unseen tracks, by confidence."""
        rows = self.unseen if len(self.unseen) else self.seen
        found = 0.0
        confidences = self.lessons.confidences[self.excerpts.track[rows]]
        for first in range(0, len(rows), self.parameters.batch):
            part = rows[first : first + self.parameters.batch]
            heard = self._hear(self.excerpts.mels[part].astype(np.float32)).numpy()
            true = self.lessons.directions[self.excerpts.track[part]]
            cosines = np.einsum("nf,nf->n", heard[:, : true.shape[1]], true)
            found += float(cosines @ confidences[first : first + len(part)])
        return found / float(confidences.sum())

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        lessons, parameters = self.lessons, self.parameters
        order = rng.permutation(self.seen)
        for first in range(0, len(order), parameters.batch):
            rows = np.sort(order[first : first + parameters.batch])
            track = self.excerpts.track[rows]
            yield (
                self._cropped(self.excerpts.mels[rows], rng),
                lessons.directions[track],
                lessons.confidences[track],
                lessons.tags[track],
            )

    def _cropped(self, mels: npt.NDArray[np.float16], rng: np.random.Generator) -> Floats:
        """A stretch of each excerpt, from a drawn frame on, (n, crop_frames, 128)."""
        frames = self.parameters.crop_frames
        starts = rng.integers(0, FRAMES - frames + 1, len(mels))
        crop: Floats = mels[np.arange(len(mels))[:, None], starts[:, None] + np.arange(frames)].astype(np.float32)
        return crop

    def _learn(self, mels: Any, directions: Any, confidences: Any, tags: Any) -> Any:
        """One step; the loss is 1 - cosine, by confidence, and the cross-entropy of the tags of tagged tracks."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            heard = self.model(mels, training=True)
            n_factors = directions.shape[1]
            loss = tf.reduce_mean(confidences * (1 - tf.reduce_sum(heard[:, :n_factors] * directions, axis=1)))
            if tags.shape[1]:
                tagged = tf.cast(tf.reduce_any(tags > 0, axis=1), tf.float32)
                chances = tf.clip_by_value(heard[:, n_factors:], _SURE, 1 - _SURE)
                surprise = tags * tf.math.log(chances) + (1 - tags) * tf.math.log(1 - chances)
                loss -= self.parameters.tag_weight * tf.reduce_mean(tagged * tf.reduce_mean(surprise, axis=1))
        variables = self.model.trainable_variables
        self.optimiser.apply(tape.gradient(loss, variables), variables)
        return loss

    def state(self) -> list[npt.NDArray[Any]]:
        """The values of all variables of the model, those that draw what dropout leaves out included."""
        return [np.array(variable) for variable in self.model.variables]

    def keep(self, artifacts: Artifacts, folder: str) -> None:
        """Write the checkpoint."""
        optimiser = [np.array(variable) for variable in self.optimiser.variables]
        states = {"model": self.state(), "optimiser": optimiser, "best": self.best}
        arrays: dict[str, Any] = {
            f"{name}{place}": value for name in states for place, value in enumerate(states[name])
        }
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        artifacts.write(f"{folder}/checkpoint", pa.table({"state": [packed.getvalue()]}), vars(self.progress))

    def go_on(self, artifacts: Artifacts, folder: str) -> None:
        """Take up the checkpoint, if there is one that can be read."""
        uri = f"{artifacts.url}/{folder}/checkpoint.parquet"
        if not artifacts.exists(uri):
            return
        try:
            table, facts = artifacts.read(uri)
        except ArtifactError as error:
            log.warning("Beginning anew: %s", error)
            return
        with np.load(io.BytesIO(table["state"][0].as_py())) as arrays:
            for name, variables in (("model", self.model.variables), ("optimiser", self.optimiser.variables)):
                for place, variable in enumerate(variables):
                    variable.assign(arrays[f"{name}{place}"])
            self.best = [arrays[f"best{place}"] for place in range(len(self.best))]
        self.progress = Progress(**facts)
        log.info("Going on after pass %d", self.progress.epoch)

    def finished(self) -> Any:
        """The model as it was after its best pass."""
        for variable, value in zip(self.model.variables, self.best, strict=True):
            variable.assign(value)
        return self.model


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    train(Artifacts(sys.argv[1]), sys.argv[2])
