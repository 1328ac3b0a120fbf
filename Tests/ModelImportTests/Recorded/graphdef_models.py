#!/usr/bin/env python3
"""Small TensorFlow graphs, computed by TensorFlow and by LiteRT's reference kernels.

    pip install tensorflow-cpu ai-edge-litert numpy
    graphdef_models.py graphdef_models.json

Networks with fake quantization are converted to int8 by TensorFlow's converter and computed by LiteRT:
codes in, codes out. Networks with functions are computed by TensorFlow.
"""
import argparse
import base64
import json

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

RANDOM = np.random.default_rng(2026)


def normal(*shape):
    return RANDOM.normal(0, 0.3, shape).astype(np.float32)


def grid(x, low, high):
    return tf.quantization.fake_quant_with_min_max_vars(x, low, high, 8)


def weights(*shape, narrow=True):
    """Weights with one symmetric grid for each index of the last dimension."""
    values = normal(*shape)
    bound = np.abs(values).reshape(-1, shape[-1]).max(0) * RANDOM.uniform(0.8, 1, shape[-1])
    bound = bound.astype(np.float32)
    return lambda: tf.quantization.fake_quant_with_min_max_vars_per_channel(
        values, -bound, bound, 8, narrow_range=narrow)


def per_channel():
    layers = [weights(3, 3, 3, 6), weights(3, 3, 6, 1), weights(1, 1, 6, 5)]
    matrix = normal(5, 4)
    biases = [normal(6), normal(6), normal(5), normal(4)]

    def network(x):
        x = grid(x, -1.0, 0.9921875)
        x = tf.nn.bias_add(tf.nn.conv2d(x, layers[0](), [1, 2, 2, 1], "SAME"), biases[0])
        x = grid(tf.nn.relu6(x), 0.0, 3.1)
        x = tf.nn.bias_add(tf.nn.depthwise_conv2d(x, layers[1](), [1, 1, 1, 1], "SAME"), biases[1])
        x = grid(tf.nn.relu6(x), 0.0, 2.3)
        x = grid(tf.nn.bias_add(tf.nn.conv2d(x, layers[2](), 1, "VALID"), biases[2]), -2.0, 3.0)
        x = grid(tf.reduce_mean(x, [1, 2]), -2.0, 3.0)
        last = tf.quantization.fake_quant_with_min_max_vars(matrix, -0.7, 0.7, 8, narrow_range=True)
        return grid(tf.nn.bias_add(tf.matmul(x, last), biases[3]), -2.5, 1.5)

    return network


def per_channel_map():
    layers = [weights(3, 3, 3, 8), weights(3, 3, 8, 1)]
    biases = [normal(8), normal(8)]

    def network(x):
        x = grid(x, -1.0, 0.9921875)
        x = tf.nn.bias_add(tf.nn.conv2d(x, layers[0](), 1, "VALID"), biases[0])
        x = grid(tf.nn.relu(x), 0.0, 2.9)
        x = tf.nn.depthwise_conv2d(x, layers[1](), [1, 2, 2, 1], "SAME")
        return grid(tf.nn.bias_add(x, biases[1]), -2.0, 2.5)

    return network


def functions():
    """A function with three results, called twice by another, which the graph calls twice."""
    kernel = (RANDOM.integers(-8, 9, (3, 3, 3, 6)) / 8).astype(np.float32)

    @tf.function
    def block(x, y):
        z = tf.nn.conv2d(x, kernel, [1, 2, 2, 1], "SAME")
        return tf.nn.relu6(z), tf.nn.relu(z - 1.0), y * 2.0

    @tf.function
    def pair(x):
        first, second, third = block(x, x)
        return first + second, third

    def network(x):
        a, b = pair(x)
        c, _ = pair(b)
        return tf.concat([a, c], 3)

    return network


def normalizations():
    """Batch normalization in a function: an operator with six results."""
    kernel = (RANDOM.integers(-8, 9, (3, 3, 3, 4)) / 8).astype(np.float32)
    scale = np.array([0.5, 1, 2, 1], np.float32)
    mean = np.array([1, -0.5, 0.25, 0], np.float32)
    # 1 / sqrt(variance + epsilon) is a power of two.
    variance = np.array([1, 0.25, 4, 1], np.float32) - np.float32(0.125)

    @tf.function
    def layer(x):
        z = tf.nn.conv2d(x, kernel, 1, "VALID")
        return tf.compat.v1.nn.fused_batch_norm(
            z, scale, mean / 2, mean, variance, epsilon=0.125, is_training=False)[0]

    return lambda x: tf.nn.relu(layer(x))


def identities_and_maximum():
    """IdentityN, as functions with gradients of their own leave it, and a global maximum."""
    kernel = (RANDOM.integers(-8, 9, (3, 3, 3, 4)) / 8).astype(np.float32)

    def network(x):
        y = tf.nn.conv2d(x, kernel, 1, "SAME")
        first, second = tf.raw_ops.IdentityN(input=[tf.nn.relu(y), y * 0.5])
        second, third = tf.raw_ops.IdentityN(input=[second, first])
        return tf.reduce_max(second - third, [1, 2])

    return network


def record(name, network, shape, entries, quantized):
    signature = tf.TensorSpec(shape, tf.float32, name="input")
    concrete = tf.function(network).get_concrete_function(signature)
    graph = concrete.graph.as_graph_def()
    if quantized:
        frozen = convert_variables_to_constants_v2(concrete)
        graph = frozen.graph.as_graph_def()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        interpreter = Interpreter(
            model_content=converter.convert(),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        value = RANDOM.integers(-128, 128, shape).astype(np.int8)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
        interpreter.invoke()
        result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    else:
        value = (RANDOM.integers(-64, 65, shape) / 8).astype(np.float32)
        result = concrete(tf.constant(value))
        result = (result[0] if isinstance(result, (list, tuple)) else result).numpy()
    entries.append({
        "name": name, "model": base64.b64encode(graph.SerializeToString()).decode(),
        "inputShape": list(value.shape), "input": base64.b64encode(value.tobytes()).decode(),
        "outputShape": list(result.shape), "output": base64.b64encode(result.tobytes()).decode()})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    arguments = parser.parse_args()
    quantized, real = [], []
    for network in (per_channel, per_channel_map):
        record(network.__name__, network(), [1, 12, 10, 3], quantized, True)
    for network in (functions, normalizations, identities_and_maximum):
        record(network.__name__, network(), [1, 8, 6, 3], real, False)
    with open(arguments.file, "w") as file:
        json.dump({"quantized": quantized, "float": real}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
