"""The network: from a log-mel excerpt to the direction of its track's collaborative vector, and to the track's tags.

After van den Oord, Dieleman & Schrauwen (2013, Deep content-based music recommendation) and Dieleman (2014,
Recommending music on Spotify with deep learning): four convolutions over time with max-pooling between them, then the
mean, the maximum and the root mean square over all of the time, then three dense layers. Keras is imported inside
functions: never in a process that has imported essentia, which aborts.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recommenders.audio.mel import BANDS, FRAMES

KIND = "audio"  # of the rows in `models`
INPUT, OUTPUT = "mel", "Identity"  # names in the frozen graph
_WIDTH, _POOLS = 4, (4, 2, 2)  # frames under a convolution; frames pooled after the first, second and third
_MOMENTUM = 0.9  # of the running means of batch normalisation: a pass may have few steps
_SMALL = 1e-6


class NetworkParameters(BaseModel):
    """How the network is built and trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: int = Field(128, ge=4, le=2048, description="Filters of each convolution.")
    dense: int = Field(512, ge=4, le=4096, description="Units of each dense layer.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of the dense units that a training step leaves out.")
    learning_rate: float = Field(0.002, gt=0, le=1, description="Step of Adam; it falls along a cosine to 0.")
    weight_decay: float = Field(0.0001, ge=0, description="How fast weights shrink that nothing supports.")
    batch: int = Field(64, ge=2, le=4096, description="Excerpts in one training step.")
    epochs: int = Field(20, ge=1, le=10_000, description="Most passes over all tracks.")
    patience: int = Field(5, ge=1, description="Passes without a better fit on unseen artists until training stops.")
    crop_frames: int = Field(
        300, ge=103, le=FRAMES, description="Frames of an excerpt, from a drawn one on, that a training step hears."
    )
    tag_weight: float = Field(1.0, ge=0, description="Weight of the tags in the loss; that of the direction is 1.")
    least_listeners: int = Field(5, ge=1, description="Only tracks that so many people like are learnt from.")


class RetrainNetworkParams(NetworkParameters):
    """What a retraining of the network does."""

    seed: int = Field(0, ge=0, description="Seed of the first weights, the order of the songs and the comparisons.")
    judge_by: Literal["artists", "songs"] = Field(
        "artists",
        description="What the network is judged by: a fifth of the artists, or a fifth of the songs, by artists of "
        "whom it may know others.",
    )
    force: bool = Field(False, description="Promote the candidate even if the gate finds it worse or strange.")
    rollback_to: int | None = Field(
        None, ge=1, description="Train nothing: make this earlier network (its model_id) the champion again."
    )

    @property
    def network(self) -> NetworkParameters:
        """How the network itself is built and trained."""
        return NetworkParameters(**{name: getattr(self, name) for name in NetworkParameters.model_fields})


def build(
    parameters: NetworkParameters,
    n_factors: int,
    n_tags: int,
    mean: npt.NDArray[np.float32],
    deviation: npt.NDArray[np.float32],
) -> Any:
    """A Keras model: (n, frames, 128) float32 log-mels -> (n, n_factors + n_tags): unit vectors, and chances of tags.

    `mean` and `deviation` (128,) of the bands are constants inside. It hears any number of frames from 103 on.
    """
    import keras
    from keras import layers, ops

    mel = keras.Input((None, BANDS), name=INPUT)
    heard = layers.Normalization(mean=mean, variance=deviation**2)(mel)
    for pool in (*_POOLS, 1):
        heard = layers.Conv1D(parameters.filters, _WIDTH)(heard)
        heard = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(heard))
        heard = layers.MaxPooling1D(pool)(heard) if pool > 1 else heard
    loudness = ops.sqrt(ops.mean(ops.square(heard), axis=1) + _SMALL)
    heard = layers.Concatenate()([ops.mean(heard, axis=1), ops.max(heard, axis=1), loudness])
    heard = layers.BatchNormalization(momentum=_MOMENTUM)(heard)
    for _ in range(2):
        heard = layers.Dropout(parameters.dropout)(layers.Dense(parameters.dense, activation="relu")(heard))
    direction = layers.Dense(n_factors)(heard)
    direction = direction / ops.sqrt(ops.sum(ops.square(direction), axis=1, keepdims=True) + _SMALL**2)
    if not n_tags:
        return keras.Model(mel, direction)
    tags = layers.Dense(n_tags, activation="sigmoid")(heard)
    return keras.Model(mel, layers.Concatenate()([direction, tags]))


def freeze(model: Any) -> bytes:
    """The model as a frozen TensorFlow graph: (n, 599, 128, 1) `mel` -> (n, n_factors + n_tags) `Identity`.

    What essentia's `TensorflowPredict` can serve.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def served(mel: Any) -> Any:
        return model(mel[:, :, :, 0], training=False)

    signature = [tf.TensorSpec((None, FRAMES, BANDS, 1), tf.float32, name=INPUT)]
    traced = tf.function(served, input_signature=signature).get_concrete_function()
    graph: bytes = convert_variables_to_constants_v2(traced).graph.as_graph_def().SerializeToString()
    return graph
