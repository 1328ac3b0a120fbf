#!/usr/bin/env python3
"""Transfer learning in front of which N layers are silicon: accuracy against N.

    pip install -r examples/transfer/requirements.txt
    python examples/transfer/transfer.py --deepfreeze .build/release/deepfreeze --output out/transfer

A network learns one half of the Fashion-MNIST classes. `deepfreeze` quantizes it and freezes its first N
convolutions; the rest learns the other half on what the frozen part gives, as its hardware computes it:
in integers, by `deepfreeze features`. With N = 0 everything learns. Then the same with adaptive batch norm:
the frozen part keeps a scale and an offset a channel in registers. Those are learned in floating point on
frozen kernels, become integers by `deepfreeze batchnorm`, and the rest, from the same start and as long
as without them, learns on the features that the registers then give.

This has the shape of Table 3 of FixyNN (Whatmough et al., SysML 2019). The accuracies are of the rest in
binary32 behind the frozen part in integers, on the 5,000 test images of the other half; no test
image chooses anything.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import struct
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models"))

import fashion_mnist as data  # noqa: E402

# The example network's convolutions (models/train_fashion_mnist.py): MobileNetV1 (Howard et al., 2017,
# arXiv:1704.04861) at width 0.25 for 28x28 grey images. (kernel, stride, channels; None: depthwise)
CONVOLUTIONS = [(3, 1, 8)]
for stride, channels in [(2, 16), (1, 32), (1, 32), (2, 64), (1, 64)]:
    CONVOLUTIONS += [(3, stride, None), (1, 1, channels)]

BATCH = 128
EPSILON = 1e-3


class Positive(keras.constraints.Constraint):
    """Scales of batch normalization stay positive: frozen weights keep their signs."""

    def __call__(self, scale):
        return keras.ops.maximum(scale, 0.01)


def network(shape, first, classes, frozen=0):
    """From convolution `first`, counted from 1, to the logits; kernels up to `frozen` do not learn."""
    x = source = keras.Input(shape)
    for number in range(first, len(CONVOLUTIONS) + 1):
        kernel, stride, channels = CONVOLUTIONS[number - 1]
        learns = number > frozen
        common = dict(strides=stride, padding="same", use_bias=False, name=f"conv{number}",
                      trainable=learns)
        if channels is None:
            x = keras.layers.DepthwiseConv2D(
                kernel, depthwise_initializer="he_normal", **common)(x)
        else:
            x = keras.layers.Conv2D(
                channels, kernel, kernel_initializer="he_normal", **common)(x)
        x = keras.layers.BatchNormalization(
            momentum=0.98, epsilon=EPSILON, gamma_constraint=Positive(), name=f"norm{number}")(x)
        x = keras.layers.ReLU(6.0, name=f"relu{number}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(source, keras.layers.Dense(classes, name="classifier")(x))


def copy_weights(source, target):
    """Layers of one name start from those of the trained network, the classifier excepted."""
    for layer in target.layers:
        if layer.weights and layer.name != "classifier":
            layer.set_weights(source.get_layer(layer.name).get_weights())


class Samples:
    """Codes with their meaning, real = scale * (code - zero), and labels from 0."""

    def __init__(self, codes, labels, scale, zero):
        self.codes, self.labels, self.scale, self.zero = codes, labels, scale, zero

    def batches(self, seed=None):
        rows = tf.data.Dataset.from_tensor_slices((self.codes, self.labels))
        if seed is not None:
            rows = rows.shuffle(len(self.labels), seed=seed)
        return rows.batch(BATCH).map(
            lambda codes, labels: (self.scale * (tf.cast(codes, tf.float32) - self.zero), labels))


def train(model, samples, epochs, rate, seed):
    """Stochastic gradient descent with Nesterov's momentum, half a cosine to zero."""
    steps = epochs * -(-len(samples.labels) // BATCH)
    model.compile(
        optimizer=keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(rate, steps), momentum=0.9, nesterov=True),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(samples.batches(seed), epochs=epochs, verbose=0)


def accuracy(model, samples):
    """Percent of the samples whose class has the greatest logit."""
    logits = model.predict(samples.batches(), verbose=0)
    return 100 * float((logits.argmax(1) == samples.labels).mean())


def write_idx(path, images):
    """uint8 images [n, height, width] as a gzipped IDX file."""
    header = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
    path.write_bytes(gzip.compress(header + images.tobytes(), 1))


class Frozen:
    """The trained network in integers, and what `deepfreeze` makes of its first layers."""

    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        folder.mkdir(parents=True)

    def run(self, *arguments):
        result = subprocess.run([self.tool, *map(str, arguments)], capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(f"deepfreeze {' '.join(map(str, arguments))}\n{result.stderr}")
        return result.stdout

    def quantize(self, model, images):
        """`images`, uint8, calibrate; the network's input is pixel / 255."""
        write_idx(self.folder / "calibration.idx.gz", images)
        graph = self.folder / "network.pb"
        graph.write_bytes(frozen_graph(model))
        self.run("quantize", graph, "--calibrate", self.folder / "calibration.idx.gz",
                 "--input-range", "0,1", "--output", self.folder / "network.json")

    def emit(self, layers, *options):
        folder = self.folder / f"{layers}{'-adaptive' if options else ''}"
        self.run("emit", self.folder / "network.json", "--fixed-layers", layers, "--effort", 0,
                 "--output", folder, *options)
        return folder

    def adapt(self, design, trained, tuned):
        """The file of registers that makes the trained network's batch norms those of the tuned one."""
        path = self.folder / "batchnorm.json"
        self.run("batchnorm", design, "--real", "--output", path)
        file = json.loads(path.read_text())
        for number, layer in enumerate(file["layers"], 1):
            old, new = (fold(model.get_layer(f"norm{number}")) for model in (trained, tuned))
            layer["scale"] = (new[0] / old[0]).tolist()
            layer["offset"] = new[1].tolist()
        path.write_text(json.dumps(file))
        return path

    def features(self, design, images, labels, *options):
        """What the design's hardware gives for the images of an IDX file."""
        array = self.folder / "features.npy"
        found = json.loads(self.run("features", design, "--images", images, "--output", array,
                                    "--json", *options))
        codes = np.load(array)
        array.unlink()
        return Samples(codes, labels, found["scale"], found["zeroPoint"])


def fold(norm):
    """Scale and offset of a batch normalization."""
    gamma, beta, mean, variance = (np.asarray(x, np.float64) for x in norm.get_weights())
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale, beta - scale * mean


def frozen_graph(model):
    """The network as a frozen GraphDef of binary32."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2)
    call = tf.function(lambda x: model(x, training=False))
    shape = tf.TensorSpec([1, 28, 28, 1], tf.float32, "input")
    return convert_variables_to_constants_v2(
        call.get_concrete_function(shape)).graph.as_graph_def().SerializeToString()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deepfreeze", default=ROOT / ".build/release/deepfreeze")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--fixed-layers", default="0,1,3,5,7,9,11")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=30000, help="training images of each half")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)
    begin = time.time()
    arguments.output.mkdir(parents=True, exist_ok=True)

    # One half: 0 to 4; the other: 5 to 9.
    halves = {}
    for part, limit in [("train", arguments.images), ("t10k", None)]:
        images, labels = data.load(part)
        for half in range(2):
            rows = np.flatnonzero(labels // 5 == half)[:limit]
            halves[part, half] = Samples(
                images[rows][..., None], labels[rows].astype(np.int64) % 5, 1 / 255, 0)
    for part in ["train", "t10k"]:
        write_idx(arguments.output / f"{part}.idx.gz", halves[part, 1].codes[..., 0])

    first = network((28, 28, 1), 1, 5)
    train(first, halves["train", 0], arguments.epochs, 0.1, arguments.seed)
    print(f"first half: {accuracy(first, halves['t10k', 0]):.2f} %, "
          f"{time.time() - begin:.0f} s", flush=True)
    frozen = Frozen(arguments.deepfreeze, arguments.output / "designs")
    frozen.quantize(first, halves["train", 0].codes[:256, ..., 0])

    rows = []
    for layers in map(int, arguments.fixed_layers.split(",")):
        row = {"fixed layers": layers}
        for adaptive in [False, True] if layers else [False]:
            features = [halves[part, 1] for part in ["train", "t10k"]]
            if layers:
                options = []
                design = frozen.emit(layers, *(["--adaptive-batchnorm", "all"] if adaptive else []))
                if adaptive:
                    tuned = network((28, 28, 1), 1, 5, frozen=layers)
                    copy_weights(first, tuned)
                    train(tuned, features[0], arguments.epochs, 0.05, arguments.seed)
                    options = ["--batchnorm", frozen.adapt(design, first, tuned)]
                features = [
                    frozen.features(design, arguments.output / f"{part}.idx.gz",
                                    halves[part, 1].labels, *options)
                    for part in ["train", "t10k"]]
            rest = network(features[0].codes.shape[1:], layers + 1, 5)
            copy_weights(first, rest)
            train(rest, features[0], arguments.epochs, 0.05, arguments.seed)
            name = "adaptive" if adaptive else "frozen"
            row[name] = f"{accuracy(rest, features[1]):.2f}"
            print(f"{layers} layers, {name}: {row[name]} %, {time.time() - begin:.0f} s", flush=True)
        rows.append(row)
    with open(arguments.output / "transfer.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["fixed layers", "frozen", "adaptive"])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
