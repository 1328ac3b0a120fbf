#!/usr/bin/env python3
"""Small ONNX models, computed by ONNX Runtime, and models that must be refused.

    pip install onnx onnxruntime numpy
    onnx_models.py onnx_models.json

Weights and inputs of the float models are small multiples of powers of two, so that every sum is
exact in binary32 whatever its order: results are compared bit for bit. Quantized models are computed
with ONNX Runtime's graph optimization off, operator by operator as ONNX defines them.
"""
import argparse
import base64
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(2026)


class Net:
    """A graph under construction; `x` is its input, and the last node's result its output."""

    def __init__(self, shape, opset=13, kind=TensorProto.FLOAT, typed=False):
        self.shape, self.opset, self.kind, self.typed = shape, opset, kind, typed
        self.nodes, self.constants, self.count = [], [], 0
        self.last = "x"

    def constant(self, array, name=None):
        self.count += 1
        name = name or f"c{self.count}"
        array = np.asarray(array)
        if self.typed and array.dtype == np.float32:
            tensor = helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.flatten())
        else:
            tensor = numpy_helper.from_array(array, name)
        self.constants.append(tensor)
        return name

    def weights(self, *shape):
        return self.constant(numbers(shape, 8, 8))

    def node(self, operation, inputs=None, name=None, **attributes):
        self.count += 1
        inputs = [self.last] if inputs is None else inputs
        self.last = f"t{self.count}"
        self.nodes.append(helper.make_node(
            operation, inputs, [self.last], name=name or f"{operation}_{self.count}", **attributes))
        return self.last

    def conv(self, cout, cin, size, **attributes):
        return self.node("Conv", [self.last, self.weights(cout, cin, size, size),
                                  self.weights(cout)], **attributes)

    def model(self, open_batch=True):
        shape = list(self.shape)
        if open_batch:
            shape[0] = "N"
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", self.kind, shape)],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)], self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = 8
        return model


def numbers(shape, limit, divisor):
    return (RANDOM.integers(-limit, limit + 1, shape) / divisor).astype(np.float32)


def run(model, value):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: value})[0]


FLOAT = {}


def case(function):
    FLOAT[function.__name__] = function
    return function


@case
def conv_pads_strides():
    n = Net([1, 3, 9, 7], opset=7, typed=True)
    n.conv(4, 3, 3, strides=[2, 1], pads=[1, 0, 2, 1])
    return n


@case
def conv_groups():
    n = Net([1, 4, 6, 5], opset=11)
    n.conv(6, 2, 3, group=2, pads=[1, 1, 1, 1])
    return n


@case
def conv_depthwise_multiplier_dilation():
    n = Net([1, 3, 8, 8])
    n.conv(6, 1, 3, group=3, dilations=[2, 1], pads=[2, 1, 2, 1])
    return n


@case
def conv_same_upper():
    n = Net([1, 2, 8, 7], opset=8)
    n.conv(3, 2, 3, strides=[2, 2], auto_pad="SAME_UPPER")
    return n


@case
def conv_same_lower():
    n = Net([1, 2, 8, 7], opset=22)
    n.conv(3, 2, 4, strides=[2, 2], auto_pad="SAME_LOWER")
    return n


@case
def conv_valid_even_kernel():
    n = Net([1, 2, 8, 7], opset=19)
    n.conv(3, 2, 2, strides=[3, 3], auto_pad="VALID", kernel_shape=[2, 2])
    return n


@case
def batch_normalization_relu6_attributes():
    n = Net([1, 3, 5, 5], opset=9)
    n.conv(4, 3, 3)
    n.node("BatchNormalization", [
        n.last, n.weights(4), n.weights(4), n.weights(4),
        n.constant(np.array([0.75, 3.75, 15.75, 0.0], np.float32))], epsilon=0.25)
    n.node("Clip", min=0.0, max=6.0)
    return n


@case
def relu6_operands():
    n = Net([1, 2, 4, 4], opset=13)
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(6))])
    return n


@case
def relu6_constant_nodes():
    n = Net([1, 2, 4, 4], opset=15)
    x = n.last
    low = n.node("Constant", [], value_float=0.0)
    high = n.node("Constant", [], value=numpy_helper.from_array(np.array(6, np.float32)))
    n.node("Clip", [x, low, high])
    return n


@case
def clip_at_other_bounds():
    n = Net([1, 2, 4, 4], opset=12)
    n.node("Clip", [n.last, n.constant(np.float32(-0.5)), n.constant(np.float32(1.5))])
    return n


@case
def clip_below_only():
    n = Net([1, 2, 4, 4], opset=12)
    n.node("Clip", [n.last, n.constant(np.float32(0))])
    return n


@case
def relu_residual():
    n = Net([1, 4, 5, 5])
    short = n.last
    n.conv(4, 4, 3, pads=[1, 1, 1, 1])
    n.node("Add", [n.last, short])
    n.node("Relu")
    return n


@case
def max_pool_ceiling():
    n = Net([1, 2, 8, 7], opset=12)
    n.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    return n


@case
def max_pool_pads():
    n = Net([1, 2, 8, 7], opset=8)
    n.node("MaxPool", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    return n


@case
def max_pool_pads_ceiling():
    n = Net([1, 2, 6, 6], opset=13)
    n.node("MaxPool", kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)
    return n


@case
def average_pool_without_pads():
    n = Net([1, 2, 8, 8])
    n.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    return n


@case
def average_pool_excluding_pads():
    n = Net([1, 2, 5, 5])
    n.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0])
    return n


@case
def average_pool_including_pads():
    n = Net([1, 2, 5, 5])
    n.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0],
           count_include_pad=1)
    return n


@case
def average_pool_ceiling():
    n = Net([1, 2, 7, 7], opset=19)
    n.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return n


@case
def global_pool_flatten_gemm():
    n = Net([1, 6, 4, 4])
    n.node("GlobalAveragePool")
    n.node("Flatten")
    n.node("Gemm", [n.last, n.weights(5, 6), n.weights(5)], transB=1)
    return n


@case
def global_max_pool():
    n = Net([1, 6, 4, 3])
    n.node("GlobalMaxPool")
    return n


@case
def flatten_of_an_image_gemm():
    n = Net([1, 3, 4, 2])
    n.node("Relu")
    n.node("Flatten")
    n.node("Dropout")
    n.node("Gemm", [n.last, n.weights(24, 5), n.weights(1, 5)], alpha=0.5, beta=2.0)
    return n


@case
def reshape_of_an_image_matmul_add():
    n = Net([1, 3, 4, 2])
    n.node("Reshape", [n.last, n.constant(np.array([-1, 24], np.int64))])
    n.node("MatMul", [n.last, n.weights(24, 5)])
    n.node("Add", [n.constant(numbers([5], 8, 8)), n.last])
    return n


@case
def torch_dynamic_flatten():
    n = Net([1, 3, 4, 2], opset=11)
    x = n.node("GlobalAveragePool")
    n.node("Shape")
    n.node("Gather", [n.last, n.constant(np.array(0, np.int64))], axis=0)
    batch = n.node("Unsqueeze", axes=[0])
    rest = n.node("Constant", [], value=numpy_helper.from_array(np.array([-1], np.int64)))
    target = n.node("Concat", [batch, rest], axis=0)
    n.node("Reshape", [x, target])
    n.node("Gemm", [n.last, n.weights(5, 3), n.weights(5)], transB=1)
    return n


@case
def tf2onnx_channels_last():
    n = Net([1, 8, 4, 3], opset=13)
    n.node("Mul", [n.last, n.constant(np.float32(0.5))])
    n.node("Transpose", perm=[0, 3, 1, 2])
    n.conv(4, 3, 3, strides=[2, 2], pads=[0, 0, 1, 1])
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(6))])
    n.node("Transpose", perm=[0, 2, 3, 1])
    n.node("ReduceMean", axes=[1, 2], keepdims=0)
    n.node("MatMul", [n.last, n.weights(4, 3)])
    n.node("Add", [n.last, n.weights(3)])
    return n


@case
def tf2onnx_channels_last_flatten():
    n = Net([1, 4, 2, 3], opset=13)
    n.node("Transpose", perm=[0, 3, 1, 2])
    n.conv(2, 3, 1)
    n.node("Transpose", perm=[0, 2, 3, 1])
    shape = n.last
    n.node("Shape")
    n.node("Cast", to=TensorProto.INT32)
    n.node("Slice", [n.last] + [n.constant(np.array([v], np.int64)) for v in (0, 1, 0)])
    batch = n.node("Cast", to=TensorProto.INT64)
    target = n.node("Concat", [batch, n.constant(np.array([16], np.int64))], axis=0)
    n.node("Reshape", [shape, target])
    n.node("MatMul", [n.last, n.weights(16, 3)])
    return n


@case
def channels_last_output():
    n = Net([1, 3, 4, 2])
    n.conv(2, 3, 1)
    n.node("Transpose", perm=[0, 2, 3, 1])
    return n


@case
def reduce_mean_of_an_image():
    n = Net([1, 3, 4, 2], opset=18)
    n.node("ReduceMean", [n.last, n.constant(np.array([-1, -2], np.int64))], keepdims=0)
    return n


@case
def squeeze_of_a_global_pool():
    n = Net([1, 3, 4, 4], opset=13)
    n.node("GlobalAveragePool")
    n.node("Squeeze", [n.last, n.constant(np.array([2, 3], np.int64))])
    return n


@case
def squeeze_unsqueeze_attributes():
    n = Net([1, 3, 4, 4], opset=11)
    n.node("GlobalAveragePool")
    n.node("Squeeze", axes=[2, 3])
    n.node("Unsqueeze", axes=[-1, 2])
    n.conv(2, 3, 1)
    return n


@case
def factors_and_summands_a_channel():
    n = Net([1, 3, 4, 4])
    n.node("Sub", [n.last, n.constant(numbers([3, 1, 1], 8, 8))])
    n.node("Mul", [n.constant(numbers([1, 3, 1, 1], 8, 8)), n.last])
    n.node("Div", [n.last, n.constant(np.float32(0.25))])
    n.node("Neg")
    return n


@case
def batch_normalization_in_parts():
    n = Net([1, 2, 4, 4])
    n.conv(2, 2, 1)
    variance = n.constant(np.array([[[4.0]], [[0.25]]], np.float32))
    x = n.last
    root = n.node("Sqrt", [variance])
    inverse = n.node("Reciprocal", [root])
    n.node("Mul", [x, inverse])
    return n


@case
def pad_operands():
    n = Net([1, 2, 4, 3], opset=13)
    n.node("Pad", [n.last, n.constant(np.array([0, 0, 1, 0, 0, 0, 2, 3], np.int64))])
    n.conv(2, 2, 3)
    return n


@case
def pad_attributes():
    n = Net([1, 2, 4, 3], opset=10)
    n.node("Pad", pads=[0, 1, 1, 0, 0, 0, 2, 3])
    return n


@case
def pad_axes():
    n = Net([1, 2, 4, 3], opset=18)
    n.node("Pad", [n.last, n.constant(np.array([1, 2, 0, 1], np.int64)), "",
                   n.constant(np.array([-1, 2], np.int64))])
    return n


@case
def maximum_and_minimum():
    n = Net([1, 2, 4, 3], opset=13)
    n.node("Max", [n.last, n.constant(np.float32(-1))])
    n.node("Min", [n.last, n.constant(np.float32(1))])
    return n


@case
def sum_of_three():
    n = Net([1, 2, 4, 3], opset=13)
    a = n.last
    b = n.node("Relu")
    n.node("Sum", [a, b, a])
    return n


@case
def half_weights():
    n = Net([1, 2, 4, 3], opset=13)
    half = n.constant(numbers([2, 2, 1, 1], 8, 8).astype(np.float16))
    x = n.last
    real = n.node("Cast", [half], to=TensorProto.FLOAT)
    n.node("Conv", [x, real])
    return n


@case
def bytes_as_input():
    n = Net([1, 3, 4, 4], opset=13, kind=TensorProto.UINT8)
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.constant(np.float32(1 / 256))])
    n.conv(2, 3, 3)
    return n


@case
def vector_batch_normalization():
    n = Net([1, 4], opset=15)
    n.node("Gemm", [n.last, n.weights(4, 3)])
    n.node("BatchNormalization", [
        n.last, n.weights(3), n.weights(3), n.weights(3),
        n.constant(np.array([0.75, 3.75, 15.75], np.float32))], epsilon=0.25)
    return n


SOFTMAX = {}


def softmax(axis, opset, image):
    n = Net([1, 5, 1, 1] if image else [1, 5], opset=opset)
    n.node("Softmax", **({} if axis is None else {"axis": axis}))
    return n


SOFTMAX["softmax_old"] = lambda: softmax(None, 11, True)
SOFTMAX["softmax_new"] = lambda: softmax(None, 13, False)
SOFTMAX["softmax_channels"] = lambda: softmax(1, 13, True)

# --- Quantized models ------------------------------------------------------

QUANTIZED = {}


def quantized(function):
    QUANTIZED[function.__name__] = function
    return function


class QuantizedNet(Net):
    """QuantizeLinear and DequantizeLinear around real operators, scales at random."""

    def __init__(self, shape, kind=np.int8, opset=13, powers=False, per_channel=True):
        super().__init__(shape, opset)
        self.type, self.powers, self.per_channel = kind, powers, per_channel
        self.grid = None
        self.quantize(2 / 255)

    def scale(self, about, count=None):
        value = about * RANDOM.uniform(0.7, 1.4, count)
        if self.powers:
            value = 2.0 ** np.round(np.log2(value))
        return np.asarray(value, np.float32)

    def quantize(self, about, grid=None):
        """The last tensor on a new grid (or the one given), and real again."""
        if grid is None:
            limits = np.iinfo(self.type)
            zero = RANDOM.integers(limits.min + 60, limits.max - 60)
            grid = (self.constant(self.scale(about)), self.constant(np.array(zero, self.type)))
        self.grid = grid
        self.codes = self.node("QuantizeLinear", [self.last, *grid])
        self.node("DequantizeLinear", [self.last, *grid])
        return grid

    def array(self, name):
        return next(numpy_helper.to_array(c) for c in self.constants if c.name == name)

    def layer(self, operation, shape, axis=0, bias=True, real_bias=False, **attributes):
        """Weights with one scale a channel, and an int32 bias."""
        kind, low, high, zero = np.int8, -127, 128, 0
        if not self.per_channel:
            kind, low, high, zero = np.uint8, 0, 256, 119
        count = shape[axis]
        scales = self.scale(0.01, count if self.per_channel else None)
        weights = RANDOM.integers(low, high, shape).astype(kind)
        zeros = np.full(scales.shape, zero, kind)
        names = [self.constant(weights), self.constant(scales), self.constant(zeros)]
        x, source = self.last, self.grid
        real = self.node("DequantizeLinear", names, **({"axis": axis} if self.per_channel else {}))
        inputs = [x, real]
        if bias:
            units = (self.array(source[0]) * scales).astype(np.float32)
            integers = RANDOM.integers(-3000, 3000, count).astype(np.int32)
            if real_bias:
                inputs.append(self.constant((integers * units).astype(np.float32)))
            else:
                names = [self.constant(integers), self.constant(units)]
                extra = {"axis": 0} if self.per_channel else {}
                inputs.append(self.node("DequantizeLinear", names, **extra))
        self.node(operation, inputs, **attributes)

    def model(self, open_batch=True):
        """The output is the codes of the last quantized tensor."""
        last, self.last = self.last, self.codes
        model = super().model(open_batch)
        self.last = last
        kind = TensorProto.INT8 if self.type == np.int8 else TensorProto.UINT8
        model.graph.output[0].type.tensor_type.elem_type = kind
        return model


@quantized
def q_convolution_a_scale_a_channel():
    n = QuantizedNet([1, 4, 9, 8])
    n.layer("Conv", (6, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 1])
    n.quantize(0.02)
    return n


@quantized
def q_convolution_bytes():
    n = QuantizedNet([1, 4, 9, 8], np.uint8, opset=10, per_channel=False)
    n.layer("Conv", (6, 4, 3, 3), pads=[0, 1, 1, 0])
    n.quantize(0.03)
    return n


@quantized
def q_convolution_relu():
    n = QuantizedNet([1, 3, 8, 8])
    n.layer("Conv", (5, 3, 3, 3))
    n.node("Relu")
    n.quantize(0.02)
    return n


@quantized
def q_convolution_clip():
    n = QuantizedNet([1, 3, 8, 8], np.uint8)
    n.layer("Conv", (5, 3, 3, 3))
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(1.5))])
    n.quantize(0.01)
    return n


@quantized
def q_depthwise_and_pointwise():
    n = QuantizedNet([1, 4, 8, 8])
    n.layer("Conv", (8, 1, 3, 3), group=4, pads=[1, 1, 1, 1])
    n.node("Relu")
    n.quantize(0.01)
    n.layer("Conv", (6, 8, 1, 1))
    n.quantize(0.02)
    return n


@quantized
def q_scales_of_powers_of_two():
    n = QuantizedNet([1, 4, 9, 8], powers=True)
    n.layer("Conv", (6, 4, 3, 3), pads=[1, 1, 1, 1])
    n.quantize(0.02)
    return n


@quantized
def q_sum_of_powers_of_two():
    n = QuantizedNet([1, 4, 5, 5], powers=True)
    short = n.last
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    n.node("Add", [n.last, short])
    n.quantize(0.03)
    return n


@quantized
def q_residual():
    n = QuantizedNet([1, 4, 5, 5])
    short = n.last
    n.layer("Conv", (4, 4, 3, 3), pads=[1, 1, 1, 1])
    n.quantize(0.02)
    n.node("Add", [n.last, short])
    n.node("Relu")
    n.quantize(0.02)
    return n


@quantized
def q_pools_and_classifier():
    n = QuantizedNet([1, 3, 8, 8])
    n.layer("Conv", (4, 3, 3, 3))
    n.node("Relu")
    grid = n.quantize(0.02)
    n.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    n.quantize(0, grid)
    n.node("GlobalAveragePool")
    n.quantize(0.01)
    n.node("Flatten")
    n.quantize(0, n.grid)
    n.layer("Gemm", (5, 4), transB=1)
    n.quantize(0.02)
    return n


@quantized
def q_flattened_image_gemm():
    n = QuantizedNet([1, 3, 4, 2], np.uint8)
    n.node("Reshape", [n.last, n.constant(np.array([1, 24], np.int64))])
    n.layer("Gemm", (5, 24), transB=1)
    n.quantize(0.02)
    return n


@quantized
def q_matrix_product_and_sum():
    n = QuantizedNet([1, 12], np.uint8)
    n.layer("MatMul", (12, 5), axis=1, bias=False)
    n.node("Add", [n.last, n.constant(numbers([5], 8, 64))])
    n.quantize(0.02)
    return n


@quantized
def q_average_pool():
    n = QuantizedNet([1, 3, 6, 6])
    n.node("AveragePool", kernel_shape=[3, 2], strides=[1, 2])
    n.quantize(0.008)
    return n


@quantized
def q_real_bias():
    n = QuantizedNet([1, 3, 6, 6])
    n.layer("Conv", (4, 3, 3, 3), real_bias=True)
    n.quantize(0.02)
    return n


@quantized
def q_change_of_grid():
    n = QuantizedNet([1, 3, 6, 6])
    n.quantize(0.005)
    n.node("Relu")
    n.quantize(0.004)
    return n


@quantized
def q_weights_quantized_in_the_graph():
    n = QuantizedNet([1, 3, 6, 6])
    scales = n.constant(n.scale(0.01, 4))
    zeros = n.constant(np.zeros(4, np.int8))
    x = n.last
    weights = n.constant(RANDOM.normal(0, 0.5, (4, 3, 3, 3)).astype(np.float32))
    n.node("QuantizeLinear", [weights, scales, zeros], axis=0)
    real = n.node("DequantizeLinear", [n.last, scales, zeros], axis=0)
    n.node("Conv", [x, real])
    n.quantize(0.02)
    return n


def qlinear(n, grid):
    n.codes = n.last
    n.grid = grid


@quantized
def q_linear_operators():
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    source = n.grid
    grids = [(n.constant(n.scale(s)), n.constant(np.array(z, np.uint8)))
             for s, z in ((0.02, 70), (0.03, 128), (0.01, 100), (0.02, 120))]
    scale = n.scale(0.01)
    weights = (n.constant(RANDOM.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)),
               n.constant(scale), n.constant(np.array(130, np.uint8)))
    bias = n.constant(RANDOM.integers(-2000, 2000, 4).astype(np.int32))
    first = n.node("QLinearConv", [n.codes, *source, *weights, *grids[0], bias])
    n.node("QLinearAdd", [first, *grids[0], first, *grids[0], *grids[1]], domain="com.microsoft")
    n.node("QLinearGlobalAveragePool", [n.last, *grids[1], *grids[2]], domain="com.microsoft",
           channels_last=0)
    n.node("Reshape", [n.last, n.constant(np.array([1, 4], np.int64))])
    matrix = (n.constant(RANDOM.integers(0, 256, (4, 5)).astype(np.uint8)),
              n.constant(n.scale(0.02)), n.constant(np.array(120, np.uint8)))
    n.node("QLinearMatMul", [n.last, *grids[2], *matrix, *grids[3]])
    qlinear(n, grids[3])
    return n


# --- Refusals: what the diagnostic must say --------------------------------

REFUSED = {}


def refused(text):
    def add(function):
        REFUSED[function.__name__] = (text, function)
        return function
    return add


@refused("operator 'Elu' is not supported")
def unknown_operator():
    n = Net([1, 2, 4, 4])
    n.node("Elu", name="odd")
    n.node("Relu")
    return n


@refused("operator 'com.microsoft.FusedConv' is not supported")
def unknown_domain():
    n = Net([1, 2, 4, 4])
    n.node("FusedConv", [n.last, n.weights(2, 2, 1, 1)], domain="com.microsoft")
    return n


@refused("cannot be concatenated")
def concat_of_images():
    n = Net([1, 2, 4, 4])
    n.node("Concat", [n.last, n.last], axis=1)
    return n


@refused("its dilations are 2 and 2")
def pool_dilation():
    n = Net([1, 2, 8, 8])
    n.node("MaxPool", kernel_shape=[3, 3], dilations=[2, 2])
    return n


@refused("its mode is 'reflect'")
def reflecting_pad():
    n = Net([1, 2, 8, 8], opset=10)
    n.node("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="reflect")
    return n


@refused("it pads with 1.0")
def pad_with_one():
    n = Net([1, 2, 8, 8], opset=10)
    n.node("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.0)
    return n


@refused("it is in training mode")
def training():
    n = Net([1, 2, 8, 8], opset=15)
    n.node("BatchNormalization", [n.last] + [n.weights(2) for _ in range(4)], training_mode=1)
    return n


@refused("are of version (opset) 6")
def old_opset():
    n = Net([1, 2, 8, 8], opset=6)
    n.node("Relu")
    return n


@refused("are of version (opset) 99")
def unknown_opset():
    n = Net([1, 2, 8, 8], opset=99)
    n.node("Relu")
    return n


@refused("in another file (external data)")
def external_data():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 1)
    tensor = n.constants[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return n


@refused("its 9x9 window fits nowhere into the 8x8 image")
def large_window():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 9)
    return n


@refused("do not fit 3 channels")
def wrong_channels():
    n = Net([1, 3, 8, 8])
    n.conv(2, 2, 1)
    return n


@refused("the input's height or width is open")
def open_size():
    n = Net([1, 3, "height", "width"])
    n.node("Relu")
    return n


@refused("the input has a batch of 4")
def batch():
    n = Net([4, 3, 8, 8])
    n.node("Relu")
    return n


@refused("its operand is 1x2x8, not one image 1xCxHxW")
def one_dimension():
    n = Net([1, 2, 8])
    n.node("Conv", [n.last, n.weights(2, 2, 3)])
    return n


@refused("only the first result of an operator is supported")
def second_result():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("MaxPool", ["x"], ["a", "b"], kernel_shape=[2, 2]))
    n.node("Cast", ["b"], to=TensorProto.FLOAT)
    return n


@refused("its operand 'nowhere' is not in the file")
def missing_operand():
    n = Net([1, 2, 8, 8])
    n.node("Add", [n.last, "nowhere"])
    return n


@refused("it depends on its own result")
def loop():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("Add", ["x", "b"], ["a"], name="first"))
    n.nodes.append(helper.make_node("Relu", ["a"], ["b"], name="second"))
    n.last = "a"
    return n


@refused("two tensors have this name")
def same_name():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("Relu", ["x"], ["a"]))
    n.nodes.append(helper.make_node("Neg", ["x"], ["a"]))
    n.last = "a"
    return n


@refused("the network has 2 inputs")
def two_inputs():
    n = Net([1, 2, 8, 8])
    n.node("Add", ["x", "y"])
    model = n.model()
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 8, 8]))
    return model


@refused("no output depends on an input")
def constant_output():
    n = Net([1, 2, 8, 8])
    n.node("Relu", [n.weights(2)])
    return n


@refused("is not a constant of real numbers")
def computed_weights():
    n = Net([1, 2, 1, 1])
    n.node("Conv", ["x", "x"])
    return n


@refused("is inf")
def infinite_weight():
    n = Net([1, 2, 8, 8])
    n.node("Conv", [n.last, n.constant(np.array([[[[np.inf]], [[1]]]], np.float32))])
    return n


@refused("it multiplies 1x2x8x8 with 8x3")
def matrix_of_an_image():
    n = Net([1, 2, 8, 8])
    n.node("MatMul", [n.last, n.weights(8, 3)])
    return n


@refused("needs 16 bytes and has 12")
def short_data():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 1)
    n.constants[0].raw_data = n.constants[0].raw_data[:12]
    return n


def text(data):
    return base64.b64encode(data).decode()


def record_float(name, net, entries):
    model = net.model()
    if net.kind == TensorProto.UINT8:
        value = RANDOM.integers(0, 256, net.shape).astype(np.uint8)
    else:
        value = numbers(net.shape, 64, 8)
    result = run(model, value)
    entries.append({
        "name": name, "model": text(model.SerializeToString()),
        "inputShape": list(value.shape), "input": text(value.astype(np.float32).tobytes()),
        "outputShape": list(result.shape), "output": text(result.astype(np.float32).tobytes())})


def softmax_at_the_end(requantized):
    n = QuantizedNet([1, 6])
    n.layer("Gemm", (5, 6), transB=1)
    n.quantize(0.02)
    n.node("Softmax")
    if requantized:
        n.quantize(0.004)
    n.codes = n.last
    return n


CUT = {"q_softmax_plain": lambda: softmax_at_the_end(False),
       "q_softmax_quantized": lambda: softmax_at_the_end(True)}


@refused("reads 'real', which is not quantized")
def real_layer_inside():
    n = QuantizedNet([1, 3, 6, 6])
    n.conv(4, 3, 1, name="real")
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    return n


@refused("its weights are not quantized")
def real_weights():
    n = QuantizedNet([1, 3, 6, 6])
    n.conv(4, 3, 1, name="real")
    n.quantize(0.02)
    return n


@refused("no QuantizeLinear follows it")
def real_end():
    n = QuantizedNet([1, 3, 6, 6])
    n.layer("Conv", (4, 3, 1, 1))
    n.codes = n.last
    return n


@refused("its scale or zero point is not that of the QuantizeLinear before it")
def other_grid():
    n = QuantizedNet([1, 3, 6, 6])
    n.node("DequantizeLinear", [n.codes, n.constant(np.float32(2)),
                                n.constant(np.array(3, np.int8))])
    n.quantize(0.02)
    return n


@refused("negate has no integer form by ONNX's rules")
def quantized_negation():
    n = QuantizedNet([1, 3, 6, 6])
    n.node("Neg")
    n.quantize(0.02)
    return n


@refused("its integers are not of 8 bits")
def sixteen_bits():
    n = QuantizedNet([1, 3, 6, 6], opset=21)
    grid = n.constant(np.float32(0.001)), n.constant(np.array(3, np.int16))
    n.quantize(0, grid)
    return n


def record_quantized(name, net, entries):
    """The input as codes, and the codes that ONNX Runtime computes operator by operator."""
    model = net.model()
    value = RANDOM.uniform(-1.2, 1.2, net.shape).astype(np.float32)
    first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
    scale, zero = (net.array(n) for n in first.input[1:])
    limits = np.iinfo(zero.dtype)
    codes = np.clip(np.rint(value / scale) + zero, limits.min, limits.max).astype(zero.dtype)
    result = run(model, value)
    entries.append({
        "name": name, "model": text(model.SerializeToString()),
        "inputShape": list(value.shape), "input": text(codes.tobytes()),
        "outputShape": list(result.shape), "output": text(result.tobytes())})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    arguments = parser.parse_args()
    float_cases, softmax_cases, quantized_cases, refusals = [], [], [], []
    for name, make in FLOAT.items():
        record_float(name, make(), float_cases)
    for name, make in SOFTMAX.items():
        record_float(name, make(), softmax_cases)
    for name, make in QUANTIZED.items():
        record_quantized(name, make(), quantized_cases)
    for name, (message, make) in REFUSED.items():
        model = make()
        if isinstance(model, Net):
            model = model.model(open_batch=name != "batch")
        refusals.append({"name": name, "message": message, "model": text(model.SerializeToString())})
    record = {"float": float_cases, "softmax": softmax_cases, "quantized": quantized_cases,
              "cut": [{"name": name, "message": "", "model": text(make().model().SerializeToString())}
                      for name, make in CUT.items()],
              "refused": refusals}
    with open(arguments.file, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
