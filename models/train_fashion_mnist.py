#!/usr/bin/env python3
"""Trains the example network on Fashion-MNIST and writes every file of this folder but the golden.

    pip install -r models/requirements.txt
    python models/train_fashion_mnist.py

The network is MobileNetV1 (Howard et al., 2017, arXiv:1704.04861) at width 0.25, shortened for
28x28 grey images: a full 3x3 convolution, pairs of depthwise 3x3 and pointwise 1x1 convolution,
each with batch normalization and ReLU6, global average, 1x1 classifier, softmax. Padding is SAME.

Written, beside this script:
  fashion_mnist_float.pb     frozen GraphDef, float32, input [1,28,28,1] = pixel / 255 in [0,1]
  fashion_mnist_int8.tflite  the same network, quantized after training, int8 in and out
  fashion_mnist_labels.txt   class names, line k + 1 is class k
  images/                    the first test image of each class
  calibration/               the first five training images of each class: the activation ranges
                             of the .tflite come from these fifty and nothing else

The weights are those of the last epoch: the test images choose nothing during training.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

import fashion_mnist as data

HERE = pathlib.Path(__file__).resolve().parent

STEM = 8  # channels of the first convolution: MobileNetV1's 32 times 0.25
# Depthwise-separable blocks: (stride of the depthwise convolution, channels of the pointwise one).
BLOCKS = [(2, 16), (1, 32), (1, 32), (2, 64), (1, 64)]

SEED = 1
EPOCHS = 40
BATCH = 128
PEAK_LEARNING_RATE = 0.1  # linear rise over the first epoch, then half a cosine to zero
MOMENTUM = 0.9  # Nesterov's
WEIGHT_DECAY = 1e-4  # full and pointwise kernels only, as MobileNetV1 advises
SHIFT = 1  # augmentation: up to this many pixels each way, and a left-right flip
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_DECAY = 0.98
CALIBRATION_IMAGES = 5  # of each class


class Convolution(tf.Module):
    """Convolution, batch normalization and ReLU6, in the words of TensorFlow 1."""

    def __init__(self, name, rng, kernel, inputs, outputs, stride, depthwise=False):
        super().__init__()
        self.label, self.stride, self.depthwise = name, stride, depthwise
        shape = (kernel, kernel, inputs, 1 if depthwise else outputs)
        fan_in = kernel * kernel * (1 if depthwise else inputs)
        draw = rng.standard_normal(shape) * np.sqrt(2 / fan_in)  # He et al., arXiv:1502.01852
        self.kernel = tf.Variable(draw.astype(np.float32), name="weights")
        self.gamma = tf.Variable(tf.ones(outputs), name="gamma")
        self.beta = tf.Variable(tf.zeros(outputs), name="beta")
        self.mean = tf.Variable(tf.zeros(outputs), trainable=False, name="moving_mean")
        self.variance = tf.Variable(tf.ones(outputs), trainable=False, name="moving_variance")

    def __call__(self, x, training):
        with tf.name_scope(self.label):
            if self.depthwise:
                strides = [1, self.stride, self.stride, 1]
                x = tf.nn.depthwise_conv2d(x, self.kernel, strides, "SAME", name="depthwise")
            else:
                x = tf.nn.conv2d(x, self.kernel, self.stride, "SAME", name="Conv2D")
            x, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                x, self.gamma, self.beta,
                mean=None if training else self.mean,
                variance=None if training else self.variance,
                epsilon=BATCH_NORM_EPSILON, is_training=training, name="BatchNorm",
            )
            if training:
                self.mean.assign_add((1 - BATCH_NORM_DECAY) * (mean - self.mean))
                self.variance.assign_add((1 - BATCH_NORM_DECAY) * (variance - self.variance))
            return tf.nn.relu6(x, name="Relu6")


class Network(tf.Module):
    """Images in [0,1], NHWC, to the ten logits of each."""

    def __init__(self, rng):
        super().__init__()
        self.convolutions = [Convolution("stem", rng, 3, 1, STEM, 1)]
        channels = STEM
        for n, (stride, outputs) in enumerate(BLOCKS, 1):
            depthwise = Convolution(
                f"block{n}/depthwise", rng, 3, channels, channels, stride, depthwise=True
            )
            pointwise = Convolution(f"block{n}/pointwise", rng, 1, channels, outputs, 1)
            self.convolutions += [depthwise, pointwise]
            channels = outputs
        draw = rng.standard_normal((1, 1, channels, len(data.CLASSES))) * np.sqrt(1 / channels)
        self.kernel = tf.Variable(draw.astype(np.float32), name="weights")
        self.bias = tf.Variable(tf.zeros(len(data.CLASSES)), name="biases")

    def __call__(self, x, training):
        for convolution in self.convolutions:
            x = convolution(x, training)
        x = tf.reduce_mean(x, [1, 2], keepdims=True, name="global_average")
        with tf.name_scope("classifier"):
            x = tf.nn.conv2d(x, self.kernel, 1, "SAME", name="Conv2D")
            x = tf.nn.bias_add(x, self.bias, name="BiasAdd")
        return tf.squeeze(x, [1, 2], name="logits")

    @property
    def decayed(self):
        """The kernels that weight decay applies to."""
        return [c.kernel for c in self.convolutions if not c.depthwise] + [self.kernel]


def augmented(images, rng):
    """Every image shifted and perhaps mirrored, black outside."""
    n, size, _ = images.shape
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, n, 1))
    mirror = rng.random((n, 1)) < 0.5
    rows = down + np.arange(size)
    columns = right + np.where(mirror, np.arange(size)[::-1], np.arange(size))
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def scaled(images):
    """uint8 (n, 28, 28) to the network's input: float32 (n, 28, 28, 1), pixel / 255."""
    return tf.cast(images, tf.float32)[..., tf.newaxis] / 255.0


def train(network, images, labels, epochs, rng):
    """Stochastic gradient descent with Nesterov's momentum on the cross entropy."""
    variables = network.trainable_variables
    velocities = [tf.Variable(tf.zeros_like(v)) for v in variables]
    decayed = {v.ref() for v in network.decayed}

    @tf.function
    def step(pixels, classes, rate):
        with tf.GradientTape() as tape:
            logits = network(scaled(pixels), training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)
            )
        for v, g, velocity in zip(variables, tape.gradient(loss, variables), velocities):
            if v.ref() in decayed:
                g += WEIGHT_DECAY * v
            velocity.assign(MOMENTUM * velocity + g)
            v.assign_sub(rate * (g + MOMENTUM * velocity))
        return loss

    batches = len(images) // BATCH
    begin = time.monotonic()
    for epoch in range(epochs):
        order = rng.permutation(len(images))
        losses = []
        for n in range(batches):
            done = epoch * batches + n
            rate = PEAK_LEARNING_RATE * min(1, (done + 1) / batches)
            rate *= 0.5 * (1 + np.cos(np.pi * done / (epochs * batches)))
            chosen = order[n * BATCH : (n + 1) * BATCH]
            pixels = augmented(images[chosen], rng)
            classes = labels[chosen].astype(np.int32)
            losses.append(step(pixels, classes, tf.constant(rate, tf.float32)))
        seconds = time.monotonic() - begin
        print(f"epoch {epoch + 1:2}  loss {np.mean(losses):.4f}  {seconds:4.0f} s", flush=True)


def write_images():
    """The test images, the calibration images and the labels; the calibration images returned."""
    def write(folder, part, count):
        images, labels = data.load(part)
        chosen = data.first_of_each_class(labels, count)
        folder.mkdir(exist_ok=True)
        for k, n, index in chosen:
            name = data.file_stem(k) + (f"_{n}" if count > 1 else "")
            Image.fromarray(images[index]).save(folder / f"{name}.png", optimize=True)
        return images[[index for _, _, index in chosen]]

    write(HERE / "images", "t10k", 1)
    (HERE / "fashion_mnist_labels.txt").write_text("".join(f"{c}\n" for c in data.CLASSES))
    return write(HERE / "calibration", "train", CALIBRATION_IMAGES)


def export(network, calibration):
    """The frozen GraphDef and the quantized TFLite model, both from one inference function."""
    @tf.function(input_signature=[tf.TensorSpec([1, 28, 28, 1], tf.float32, name="input")])
    def classify(x):
        return tf.nn.softmax(network(x, training=False), name="softmax")

    inference = classify.get_concrete_function()
    frozen = convert_variables_to_constants_v2(inference)
    graph = frozen.graph.as_graph_def()
    (HERE / "fashion_mnist_float.pb").write_bytes(graph.SerializeToString(deterministic=True))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([inference], network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([scaled(image[None])] for image in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    (HERE / "fashion_mnist_int8.tflite").write_bytes(converter.convert())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=1, help="more is faster, not repeatable")
    arguments = parser.parse_args()
    # One thread adds up in one order: the same machine gives the same weights again.
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(SEED)

    network = Network(rng)
    kernels = sum(c.kernel.shape.num_elements() for c in network.convolutions)
    print(f"{kernels + network.kernel.shape.num_elements()} convolution weights")
    train(network, *data.load("train"), arguments.epochs, rng)
    export(network, write_images())


if __name__ == "__main__":
    main()
