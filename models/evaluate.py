#!/usr/bin/env python3
"""Measures the accuracy of both exported models on the 10,000 test images of Fashion-MNIST.

    python models/evaluate.py

The frozen graph runs in TensorFlow, the int8 model in LiteRT with its reference kernels (no
XNNPACK): what is measured is the arithmetic that the hardware reproduces bit for bit.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import fashion_mnist as data

HERE = pathlib.Path(__file__).resolve().parent


def frozen_graph(path):
    """A function from one uint8 image to the output of the frozen graph."""
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(graph, name="")
        session = tf.compat.v1.Session()
    source = next(n.name for n in graph.node if n.op == "Placeholder")
    result = next(n.name for n in graph.node if n.op == "Softmax")
    run = session.make_callable(whole.get_tensor_by_name(f"{result}:0"),
                                [whole.get_tensor_by_name(f"{source}:0")])
    return lambda image: run(image.reshape(1, 28, 28, 1).astype(np.float32) / np.float32(255))


def quantized(path):
    """A function from one uint8 image to the output of the int8 model."""
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def run(image):
        pixels = image.reshape(1, 28, 28, 1).astype(np.int16) - 128
        interpreter.set_tensor(source, pixels.astype(np.int8))
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run


def main():
    images, labels = data.load("t10k")
    found = {}
    for name, model in [("fashion_mnist_float.pb", frozen_graph),
                        ("fashion_mnist_int8.tflite", quantized)]:
        run = model(HERE / name)
        found[name] = np.array([int(np.argmax(run(image))) for image in images])
        right = int((found[name] == labels).sum())
        print(f"{name:28} {right / len(labels):.2%}  ({right} of {len(labels)} right)")
    float_classes, int8_classes = found.values()
    print(f"{'the same class from both':28} {np.mean(float_classes == int8_classes):.2%}")


if __name__ == "__main__":
    main()
