#!/usr/bin/env python3
"""Small TFLite models of real numbers, computed by LiteRT's reference kernels.

    pip install ai-edge-litert numpy flatbuffers tflite
    tflite_float_models.py tflite_float_models.json

Each entry has a model, its input and its output (little-endian binary32, base64). Weights are
float32, or float16 or 8-bit codes behind DEQUANTIZE.
"""
import base64
import json
import pathlib
import sys

import numpy as np
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflite_file import Model

OP, TYPE = tflite.BuiltinOperator, tflite.TensorType
RANDOM = np.random.default_rng(5)


class FloatModel(Model):
    """A network from one input; `last` is the tensor that the next operator reads."""

    def __init__(self, shape):
        super().__init__()
        self.input_shape = list(shape)
        self.input = self.last = self.real("input", shape)

    def real(self, name, shape):
        return self.tensor(name, shape, TYPE.FLOAT32)

    def constant(self, values, name="constant"):
        values = np.asarray(values, "<f4")
        return self.tensor(name, values.shape, TYPE.FLOAT32, data=values.tobytes())

    def integers(self, values):
        values = np.asarray(values, "<i4")
        return self.tensor("integers", values.shape, TYPE.INT32, data=values.tobytes())

    def half(self, values, name="half"):
        """float16 behind DEQUANTIZE."""
        values = np.asarray(values, "<f2")
        stored = self.tensor(name + "16", values.shape, TYPE.FLOAT16, data=values.tobytes())
        result = self.real(name, values.shape)
        self.operator(OP.DEQUANTIZE, [stored], [result])
        return result

    def codes(self, shape, dimension, kind=TYPE.INT8):
        """8-bit codes behind DEQUANTIZE, one scale or (dimension given) one along it."""
        count = 1 if dimension is None else shape[dimension]
        low, high = (-127, 128) if kind == TYPE.INT8 else (0, 256)
        data = RANDOM.integers(low, high, shape).astype(np.int8 if kind == TYPE.INT8 else np.uint8)
        stored = self.tensor(
            "codes", shape, kind, RANDOM.uniform(0.001, 0.02, count),
            [0] * count if kind == TYPE.INT8 else [131] * count, dimension or 0, data.tobytes())
        result = self.real("weights", shape)
        self.operator(OP.DEQUANTIZE, [stored], [result], version=2)
        return result

    def add(self, code, shape, others=(), options=None, version=1, first=True):
        y = self.real(f"tensor {len(self.tensors)}", shape)
        self.operator(code, ([self.last] if first else []) + list(others), [y], options, version)
        self.last = y
        return self

    def done(self):
        return self.finish([self.input], [self.last])


def numbers(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def conv(m, weights, out, bias, stride=(1, 1), dilation=(1, 1), same=True, activation=0):
    return m.add(OP.CONV_2D, out, [weights, bias], ("Conv2DOptions", dict(
        Padding=0 if same else 1, StrideH=stride[0], StrideW=stride[1],
        FusedActivationFunction=activation, DilationHFactor=dilation[0],
        DilationWFactor=dilation[1])), 3)


def depthwise(m, weights, out, bias, multiplier, stride=1, dilation=1, activation=0):
    return m.add(OP.DEPTHWISE_CONV_2D, out, [weights, bias], ("DepthwiseConv2DOptions", dict(
        Padding=0, StrideH=stride, StrideW=stride, DepthMultiplier=multiplier,
        FusedActivationFunction=activation, DilationHFactor=dilation,
        DilationWFactor=dilation)), 3)


def pool(m, code, out, kernel, stride, same):
    return m.add(code, out, [], ("Pool2DOptions", dict(
        Padding=0 if same else 1, StrideH=stride, StrideW=stride, FilterHeight=kernel,
        FilterWidth=kernel, FusedActivationFunction=0)), 2)


def models():
    m = FloatModel([1, 6, 5, 3])
    yield "convolution", conv(m, m.constant(numbers(4, 3, 2, 3)), [1, 3, 3, 4],
                              m.constant(numbers(4)), (2, 2), activation=3)
    m = FloatModel([1, 7, 6, 2])
    yield "dilated convolution", conv(m, m.constant(numbers(3, 3, 3, 2)), [1, 3, 2, 3],
                                      m.constant(numbers(3)), dilation=(2, 2), same=False)
    m = FloatModel([1, 4, 4, 4])
    yield "grouped convolution", conv(m, m.constant(numbers(6, 3, 3, 2)), [1, 4, 4, 6],
                                      m.constant(numbers(6)), activation=1)
    m = FloatModel([1, 5, 5, 3])
    yield "depthwise convolution", depthwise(
        m, m.constant(numbers(1, 3, 3, 6)), [1, 3, 3, 6], m.constant(numbers(6)), 2, 2,
        activation=2)
    m = FloatModel([1, 3, 4, 2])
    yield "convolution of float16", conv(m, m.half(numbers(5, 1, 1, 2)), [1, 3, 4, 5],
                                         m.half(numbers(5), "bias"))
    m = FloatModel([1, 3, 4, 2])
    yield "convolution of int8", conv(m, m.codes([5, 3, 3, 2], 0), [1, 3, 4, 5],
                                      m.constant(numbers(5)))
    m = FloatModel([1, 3, 3, 4])
    yield "depthwise of int8", depthwise(m, m.codes([1, 3, 3, 4], 3), [1, 3, 3, 4],
                                         m.constant(numbers(4)), 1)
    m = FloatModel([1, 2, 6])
    yield "fully connected, dimensions kept", m.add(
        OP.FULLY_CONNECTED, [1, 2, 3], [m.codes([3, 6], None, TYPE.UINT8), m.constant(numbers(3))],
        ("FullyConnectedOptions", dict(FusedActivationFunction=1, KeepNumDims=True)), 5)
    m = FloatModel([1, 2, 2, 3])
    yield "fully connected", m.add(
        OP.FULLY_CONNECTED, [1, 4], [m.constant(numbers(4, 12)), -1],
        ("FullyConnectedOptions", dict(FusedActivationFunction=0)))
    yield "average pool", pool(FloatModel([1, 5, 4, 2]), OP.AVERAGE_POOL_2D, [1, 3, 2, 2], 3, 2,
                               True)
    yield "max pool", pool(FloatModel([1, 5, 4, 2]), OP.MAX_POOL_2D, [1, 2, 1, 2], 3, 2, False)
    m = FloatModel([1, 3, 4, 2])
    yield "mean", m.add(OP.MEAN, [1, 2], [m.integers([1, 2])],
                        ("ReducerOptions", dict(KeepDims=False)))
    m = FloatModel([1, 3, 2, 2])
    yield "pad", m.add(OP.PAD, [1, 6, 3, 2], [m.integers([[0, 0], [1, 2], [0, 1], [0, 0]])],
                       ("PadOptions", {}))
    for name, code, options in [
            ("add", OP.ADD, "AddOptions"), ("sub", OP.SUB, "SubOptions"),
            ("mul", OP.MUL, "MulOptions"), ("div", OP.DIV, "DivOptions")]:
        m = FloatModel([1, 3, 2, 4])
        yield f"{name} of a constant a channel", m.add(
            code, [1, 3, 2, 4], [m.constant(np.abs(numbers(4)) + 0.5)],
            (options, dict(FusedActivationFunction=1)))
    m = FloatModel([1, 3, 2, 2])
    m.add(OP.LOGISTIC, [1, 3, 2, 2])
    yield "product of maps", m.add(OP.MUL, [1, 3, 2, 2], [m.input],
                                   ("MulOptions", dict(FusedActivationFunction=0)))
    m = FloatModel([1, 3, 2, 2])
    m.add(OP.MEAN, [1, 1, 1, 2], [m.integers([1, 2])], ("ReducerOptions", dict(KeepDims=True)))
    yield "product with a pixel", m.add(OP.MUL, [1, 3, 2, 2], [m.input],
                                        ("MulOptions", dict(FusedActivationFunction=0)), 2)
    m = FloatModel([1, 3, 2, 2])
    yield "difference from a constant", m.add(
        OP.SUB, [1, 3, 2, 2], [m.constant(np.float32(1.5)), m.input],
        ("SubOptions", dict(FusedActivationFunction=0)), first=False)
    m = FloatModel([1, 3, 2, 2])
    yield "maximum", m.add(OP.MAXIMUM, [1, 3, 2, 2], [m.constant(np.float32(0.25))],
                           ("MaximumMinimumOptions", {}))
    m = FloatModel([1, 2, 2, 3])
    m.add(OP.RELU, [1, 2, 2, 3])
    yield "concatenation", m.add(OP.CONCATENATION, [1, 2, 2, 6], [m.input],
                                 ("ConcatenationOptions", dict(Axis=-1, FusedActivationFunction=0)))
    for name, code, options in [
            ("relu6", OP.RELU6, None), ("relu_n1_to_1", OP.RELU_N1_TO_1, None),
            ("logistic", OP.LOGISTIC, None), ("tanh", OP.TANH, None),
            ("hard swish", OP.HARD_SWISH, ("HardSwishOptions", {})), ("elu", OP.ELU, None),
            ("abs", OP.ABS, ("AbsOptions", {})), ("exp", OP.EXP, ("ExpOptions", {})),
            ("neg", OP.NEG, ("NegOptions", {})), ("square", OP.SQUARE, ("SquareOptions", {})),
            ("leaky relu", OP.LEAKY_RELU, ("LeakyReluOptions", dict(Alpha=0.3))),
            ("softmax", OP.SOFTMAX, ("SoftmaxOptions", dict(Beta=2.0)))]:
        yield name, FloatModel([1, 2, 3, 4]).add(code, [1, 2, 3, 4], [], options)
    m = FloatModel([1, 2, 3, 4])
    yield "prelu", m.add(OP.PRELU, [1, 2, 3, 4], [m.constant(numbers(1, 1, 4))])
    m = FloatModel([1, 1, 3, 4])
    m.add(OP.SQUEEZE, [3, 4], [], ("SqueezeOptions", dict(SqueezeDims=[0, 1])))
    m.add(OP.EXPAND_DIMS, [1, 3, 4], [m.integers(0)], ("ExpandDimsOptions", {}))
    m.add(OP.TRANSPOSE, [1, 4, 3], [m.integers([0, 2, 1])], ("TransposeOptions", {}))
    yield "squeeze, expand, transpose, reshape", m.add(
        OP.RESHAPE, [2, 6], [m.integers([2, -1])], ("ReshapeOptions", dict(NewShape=[2, -1])))


def main():
    entries = []
    text = lambda data: base64.b64encode(data).decode()
    for kind, model in models():
        data = model.done()
        # ELU has no reference kernel; none uses a delegate.
        kernels = (OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if kind == "elu"
                   else OpResolverType.BUILTIN_REF)
        interpreter = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        x = numbers(*model.input_shape, scale=3.0)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        entries.append({"kind": kind, "model": text(data), "input": text(x.tobytes()),
                        "output": text(y.astype("<f4").tobytes())})
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    pathlib.Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n")
    print(len(entries), "models")


if __name__ == "__main__":
    main()
