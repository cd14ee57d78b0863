"""Whether networks that Keras saved compute here what they compute there: `python tools/compare_keras.py`.

Makes networks of `keras.applications` with random weights and small ones of single layers, saves each as .keras, .h5 and
.weights.h5 with its to_json() beside it, and compares the probabilities of three random pictures. Ends with 1 if one differs by
more than 1e-4 of the largest. It needs Keras and one of its backends.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from numbacnn.formats import Asked, Preparation, read_network

MOST = 1e-4
SIDE = 64


def models() -> Iterator[Any]:
    """The networks that are compared."""
    applications = keras.applications
    options = {"input_shape": (SIDE, SIDE, 3), "weights": None, "classes": 10}
    yield applications.MobileNet(alpha=0.25, **options)
    yield applications.MobileNetV2(alpha=0.35, **options)
    yield applications.EfficientNetB0(**options)
    yield applications.ResNet50(**options)
    yield applications.VGG16(**options)
    pictures = keras.Input((29, 33, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(pictures)
    for padding in ("same", "valid"):
        x = layers.Conv2D(8, 3, strides=2, padding=padding, activation="relu6")(x)
        x = layers.SeparableConv2D(8, 3, padding="same", activation="hard_swish")(x)
        y = layers.Conv2D(8, 1, activation="hard_sigmoid")(x)
        x = layers.Add()([layers.Multiply()([x, y]), x])
        x = layers.Conv2DTranspose(6, 3, strides=2, padding=padding, activation="gelu")(x)
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = layers.AveragePooling2D(3, 2, padding=padding)(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.Normalization(mean=0.1, variance=0.5)(x))
    yield keras.Model(pictures, layers.Dense(4, activation="softmax")(layers.Flatten()(x)), name="layers")


def fill(model: Any, random: np.random.Generator) -> None:
    """Weights that neither vanish nor explode."""
    for weight in model.weights:
        shape = tuple(weight.shape)
        spread = random.uniform(0.5, 1.5, shape)
        if not any(word in weight.path for word in ("variance", "gamma")):
            spread = random.normal(0, 0.6 / np.sqrt(max(1, np.prod(shape[:-1]))), shape)
        weight.assign(spread.astype("float32"))


def main() -> int:
    """Prints the difference of each file, and gives the exit code."""
    random, worst = np.random.default_rng(0), 0.0
    with tempfile.TemporaryDirectory() as folder:
        for model in models():
            fill(model, random)
            images = random.integers(0, 256, (3, *model.input_shape[1:]), np.uint8)
            theirs = np.asarray(model.predict(images.astype("float32"), verbose=0))
            path = Path(folder, model.name)
            model.save(f"{path}.keras")
            model.save(f"{path}.h5")
            model.save_weights(f"{path}.weights.h5")
            Path(f"{path}.json").write_text(model.to_json(), "utf-8")
            for suffix in (".keras", ".h5", ".weights.h5"):
                read = read_network(Path(f"{path}{suffix}"), Asked(), Preparation(), needs_preparation=False)
                difference = float(np.abs(read.network.predict(images) - theirs).max() / theirs.max())
                worst = max(worst, difference)
                print(f"{model.name}{suffix}: {difference:.1e}", flush=True)
    return int(not worst <= MOST)


if __name__ == "__main__":
    sys.exit(main())
