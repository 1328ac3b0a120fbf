#!/usr/bin/env python3
"""Random TFLite models of one operator, computed by LiteRT's reference kernels.

    pip install ai-edge-litert numpy flatbuffers tflite
    one_operator_models.py record one_operator_models.json
    one_operator_models.py compare DEEPFREEZE [--seed N] [--count N] [KIND ...]

`record` writes what the tests of the reader and the interpreter compare with: model, input and
output bytes of a few models of each kind. `compare` runs the command line `deepfreeze run` on as
many fresh models as asked for and counts the differences; models that differ are kept in the
current folder. Scales, zero points, shapes, strides, dilations, paddings, activations and biases
are random; inputs are random or all at the ends of the range.
"""
import argparse
import base64
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflite_file import Model

OP = tflite.BuiltinOperator
KINDS = ["convolution", "depthwise", "fully_connected", "average_pool", "max_pool", "mean", "add",
         "quantize", "relu", "relu6", "pad", "softmax", "squeeze", "sub", "mul", "broadcast",
         "add_constant", "sub_constant", "mul_constant", "extremum", "concatenation", "logistic",
         "tanh", "hard_swish", "leaky_relu", "prelu", "relu_n1_to_1",
         "l2_normalization"]


class Generator:
    """Random models; every number comes from one seed."""

    def __init__(self, seed, limit):
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(self.random.getrandbits(32))
        self.limit = limit
        self.unsigned = self.random.random() < 0.5
        self.set_type(self.unsigned)

    def set_type(self, unsigned):
        self.kind = tflite.TensorType.UINT8 if unsigned else tflite.TensorType.INT8
        self.low, self.high = (0, 255) if unsigned else (-128, 127)
        self.dtype = np.uint8 if unsigned else np.int8

    def scale(self, low=-9, high=2):
        return float(np.float32(2.0 ** self.random.uniform(low, high)))

    def near(self, scale, octaves):
        """The scale itself, or one some octaves away."""
        if self.random.random() < 0.3:
            return scale
        return float(np.float32(scale * 2.0 ** self.random.uniform(-octaves, octaves)))

    def zero(self):
        middle = self.random.randint(self.low, self.high)
        return self.random.choice([self.low, self.high, middle, middle])

    def codes(self, shape):
        if self.random.random() < 0.25:
            return self.numpy.choice(np.array([self.low, self.high]), shape).astype(self.dtype)
        return self.numpy.integers(self.low, self.high + 1, shape).astype(self.dtype)

    def image(self):
        r = self.random
        return [1, r.randint(1, self.limit), r.randint(1, self.limit), r.choice([1, 2, 3, 4, 8])]

    def window(self, height, width, largest):
        """Kernel, strides, SAME or not, or None when VALID has no output."""
        r = self.random
        kernel = r.randint(1, largest), r.randint(1, largest)
        strides, same = (r.randint(1, 3), r.randint(1, 3)), r.random() < 0.6
        dilation = (1, 1)
        if largest == 4 and r.random() < 0.3:
            dilation, strides = (r.randint(1, 3), r.randint(1, 3)), (1, 1)
        out = []
        for n, k, s, d in zip((height, width), kernel, strides, dilation):
            out.append(-(-n // s) if same else (n - (k - 1) * d - 1) // s + 1)
        return (kernel, strides, dilation, same, out) if min(out) > 0 else None

    def bias(self, m, channels, scales, sx):
        values = self.numpy.integers(-1, 2, channels) * self.random.choice([0, 100, 30000, 10**6])
        values = values + self.numpy.integers(-100, 101, channels)
        return m.tensor("bias", [channels], tflite.TensorType.INT32,
                        [np.float32(sx) * np.float32(s) for s in scales], [0] * len(scales),
                        data=values.astype("<i4").tobytes())

    def layer_scale(self, product, terms):
        """An output scale at which a layer of so many terms uses its range, or overflows it."""
        if self.random.random() < 0.15:
            return float(np.float32(product * 2.0 ** self.random.uniform(-1.5, 3)))
        typical = product * 127 * 127 * np.sqrt(terms) / 2
        return float(np.float32(typical / self.random.choice([20, 80, 200, 1000])))

    def weights(self, m, shape, channels, dimension):
        each = not self.unsigned and self.random.random() < 0.7
        scales = [self.scale(-12, 0) for _ in range(channels if each else 1)]
        zeros = [self.zero() if self.unsigned else 0] * len(scales)
        return scales, m.tensor("weights", shape, self.kind, scales, zeros, dimension,
                                self.codes(shape).tobytes())

    def make(self, name):
        m, r = Model(), self.random
        shape, sx, zx = self.image(), self.scale(), self.zero()
        if name == "squeeze":
            shape = [1, 1] + shape[2:]
        if name == "softmax":
            n = r.choice([2, 3, 10, 100 if self.limit > 5 else 20])
            shape = r.choice([[1, n], [1, 3, 2, n], [1, 2, n]])
        if name == "mean" and self.limit > 5:
            shape = r.choice([shape, [1, 7, 7, shape[3]], [1, r.randint(1, 40), 30, shape[3]]])
        x = m.tensor("input", shape, self.kind, [sx], [zx])
        result = getattr(self, name)(m, x, shape, sx, zx, r.choice([0, 0, 1, 2, 3]))
        if result is None:
            return None
        return m.finish([x], [result]), shape

    def convolution(self, m, x, shape, sx, zx, activation):
        window = self.window(shape[1], shape[2], 4)
        if window is None:
            return None
        kernel, strides, dilation, same, out = window
        groups = 2 if not self.unsigned and shape[3] % 2 == 0 and self.random.random() < 0.25 else 1
        channels = groups * self.random.randint(1, 6)
        filter_shape = [channels, *kernel, shape[3] // groups]
        scales, w = self.weights(m, filter_shape, channels, 0)
        bias = self.bias(m, channels, scales, sx)
        sy = self.layer_scale(sx * scales[0], np.prod(filter_shape[1:]))
        y = m.tensor("output", [1, *out, channels], self.kind, [sy], [self.zero()])
        m.operator(OP.CONV_2D, [x, w, bias], [y], ("Conv2DOptions", dict(
            Padding=0 if same else 1, StrideH=strides[0], StrideW=strides[1],
            FusedActivationFunction=activation, DilationHFactor=dilation[0],
            DilationWFactor=dilation[1])), 3)
        return y

    def depthwise(self, m, x, shape, sx, zx, activation):
        window = self.window(shape[1], shape[2], 4)
        if window is None:
            return None
        kernel, strides, dilation, same, out = window
        strides = (strides[0], strides[0])
        out = [-(-n // strides[0]) if same else (n - (k - 1) * d - 1) // strides[0] + 1
               for n, k, d in zip(shape[1:3], kernel, dilation)]
        multiplier = self.random.choice([1, 1, 2, 3])
        channels = shape[3] * multiplier
        scales, w = self.weights(m, [1, *kernel, channels], channels, 3)
        bias = self.bias(m, channels, scales, sx)
        sy = self.layer_scale(sx * scales[0], kernel[0] * kernel[1])
        y = m.tensor("output", [1, *out, channels], self.kind, [sy], [self.zero()])
        m.operator(OP.DEPTHWISE_CONV_2D, [x, w, bias], [y], ("DepthwiseConv2DOptions", dict(
            Padding=0 if same else 1, StrideH=strides[0], StrideW=strides[1],
            DepthMultiplier=multiplier, FusedActivationFunction=activation,
            DilationHFactor=dilation[0], DilationWFactor=dilation[1])), 3)
        return y

    def fully_connected(self, m, x, shape, sx, zx, activation):
        inputs, channels = int(np.prod(shape)), self.random.randint(1, 8)
        keep = self.random.random() < 0.3
        rows = [inputs // shape[3]] if not keep else shape[:-1]
        inputs = shape[3]
        scales, w = self.weights(m, [channels, inputs], channels, 0)
        bias = self.bias(m, channels, scales, sx) if self.random.random() < 0.8 else -1
        sy = self.layer_scale(sx * scales[0], inputs)
        y = m.tensor("output", [*rows, channels], self.kind, [sy], [self.zero()])
        m.operator(OP.FULLY_CONNECTED, [x, w, bias], [y], ("FullyConnectedOptions", dict(
            FusedActivationFunction=activation, KeepNumDims=keep)), 5 if keep else 4)
        return y

    def pool(self, m, x, shape, sx, zx, activation, code):
        window = self.window(shape[1], shape[2], 5)
        if window is None:
            return None
        kernel, strides, _, same, out = window
        y = m.tensor("output", [1, *out, shape[3]], self.kind, [sx], [zx])
        m.operator(code, [x], [y], ("Pool2DOptions", dict(
            Padding=0 if same else 1, StrideH=strides[0], StrideW=strides[1],
            FilterHeight=kernel[0], FilterWidth=kernel[1],
            FusedActivationFunction=activation)), 2)
        return y

    def average_pool(self, *arguments):
        return self.pool(*arguments, OP.AVERAGE_POOL_2D)

    def max_pool(self, *arguments):
        return self.pool(*arguments, OP.MAX_POOL_2D)

    def mean(self, m, x, shape, sx, zx, activation):
        axes = self.random.choice([[1, 2], [1, 2], [2, 1], [-3, -2], [1], [3], [1, 2, 3], [0, 1]])
        keep, reduced = self.random.random() < 0.5, {axis % 4 for axis in axes}
        out = [1 if d in reduced else n for d, n in enumerate(shape) if keep or d not in reduced]
        a = m.tensor("axes", [len(axes)], tflite.TensorType.INT32,
                     data=np.array(axes, "<i4").tobytes())
        same = self.random.random() < 0.3
        y = m.tensor("output", out, self.kind, [self.near(sx, 3)], [zx if same else self.zero()])
        m.operator(OP.MEAN, [x, a], [y], ("ReducerOptions", dict(KeepDims=keep)), 2)
        return y

    def add(self, m, x, shape, sx, zx, activation):
        second = self.near(sx, 4)
        other = m.tensor("other", shape, self.kind, [second], [self.zero()])
        m.operator(OP.QUANTIZE, [x], [other])
        y = m.tensor("output", shape, self.kind, [self.near(max(sx, second), 3)], [self.zero()])
        order = [x, other] if self.random.random() < 0.5 else [other, x]
        m.operator(OP.ADD, order, [y],
                   ("AddOptions", dict(FusedActivationFunction=activation)), 2)
        return y

    def second(self, m, x, sx, shape):
        """The input once more, in another quantization."""
        scale = self.near(sx, 4)
        other = m.tensor("other", shape, self.kind, [scale], [self.zero()])
        m.operator(OP.QUANTIZE, [x], [other])
        return other, scale

    def arithmetic(self, code, m, operands, shape, scales, activation):
        options = {OP.ADD: "AddOptions", OP.SUB: "SubOptions", OP.MUL: "MulOptions"}[code]
        # Products of codes reach 2^16 times the product of the scales.
        size = scales[0] * scales[1] * 40 if code == OP.MUL else max(scales)
        y = m.tensor("output", shape, self.kind, [self.near(size, 3)], [self.zero()])
        if self.random.random() < 0.5:
            operands = operands[::-1]
        m.operator(code, operands, [y], (options, dict(FusedActivationFunction=activation)), 2)
        return y

    def sub(self, m, x, shape, sx, zx, activation, code=OP.SUB):
        other, scale = self.second(m, x, sx, shape)
        return self.arithmetic(code, m, [x, other], shape, [sx, scale], activation)

    def mul(self, *arguments):
        return self.sub(*arguments, code=OP.MUL)

    def broadcast(self, m, x, shape, sx, zx, activation):
        """With a pixel of the input's means, or the means of its channels."""
        axes = self.random.choice([[1, 2], [3], [1, 2, 3]])
        small = [1 if d in axes else n for d, n in enumerate(shape)]
        a = m.tensor("axes", [len(axes)], tflite.TensorType.INT32,
                     data=np.array(axes, "<i4").tobytes())
        scale = self.near(sx, 2)
        other = m.tensor("other", small, self.kind, [scale], [self.zero()])
        m.operator(OP.MEAN, [x, a], [other], ("ReducerOptions", dict(KeepDims=True)), 2)
        code = self.random.choice([OP.ADD, OP.SUB, OP.MUL])
        return self.arithmetic(code, m, [x, other], shape, [sx, scale], activation)

    def with_constant(self, code, m, x, shape, sx, activation):
        small = self.random.choice([[], [1], shape[3:], [1, 1, 1, shape[3]]])
        scale = self.near(sx, 4)
        c = m.tensor("constant", small, self.kind, [scale], [self.zero()],
                     data=self.codes(small or [1]).tobytes())
        return self.arithmetic(code, m, [x, c], shape, [sx, scale], activation)

    def add_constant(self, m, x, shape, sx, zx, activation):
        return self.with_constant(OP.ADD, m, x, shape, sx, activation)

    def sub_constant(self, m, x, shape, sx, zx, activation):
        return self.with_constant(OP.SUB, m, x, shape, sx, activation)

    def mul_constant(self, m, x, shape, sx, zx, activation):
        return self.with_constant(OP.MUL, m, x, shape, sx, activation)

    def extremum(self, m, x, shape, sx, zx, activation):
        c = m.tensor("constant", [1], self.kind, [sx], [zx], data=self.codes([1]).tobytes())
        y = m.tensor("output", shape, self.kind, [sx], [zx])
        m.operator(self.random.choice([OP.MAXIMUM, OP.MINIMUM]), [x, c], [y],
                   ("MaximumMinimumOptions", {}), 2)
        return y

    def concatenation(self, m, x, shape, sx, zx, activation):
        """Of the input and one or two requantized copies; int8 kernels take one scale only."""
        axis = self.random.choice([1, 2, 3, -1])
        operands = [x]
        for index in range(self.random.randint(1, 2)):
            other = m.tensor(f"other{index}", shape, self.kind,
                             [self.near(sx, 2) if self.unsigned else sx],
                             [self.zero() if self.unsigned else zx])
            m.operator(OP.QUANTIZE, [x], [other])
            operands.append(other)
        self.random.shuffle(operands)
        out = list(shape)
        out[axis] *= len(operands)
        scale, zero = (self.near(sx, 2), self.zero()) if self.unsigned else (sx, zx)
        y = m.tensor("output", out, self.kind, [scale], [zero])
        m.operator(OP.CONCATENATION, operands, [y], ("ConcatenationOptions", dict(Axis=axis)), 2)
        return y

    def function(self, code, m, x, shape, scale, zero, options=None, version=2, others=()):
        y = m.tensor("output", shape, self.kind, [scale], [zero])
        m.operator(code, [x, *others], [y], options, version)
        return y

    def logistic(self, m, x, shape, sx, zx, activation):
        return self.function(OP.LOGISTIC, m, x, shape, 1 / 256, self.low)

    def tanh(self, m, x, shape, sx, zx, activation):
        return self.function(OP.TANH, m, x, shape, 1 / 128, self.low + 128)

    def hard_swish(self, m, x, shape, sx, zx, activation):
        scale = float(np.float32(sx * 2.0 ** self.random.uniform(-6, 3)))
        return self.function(OP.HARD_SWISH, m, x, shape, scale, self.zero(),
                             ("HardSwishOptions", {}), 1)

    def leaky_relu(self, m, x, shape, sx, zx, activation):
        alpha = self.random.choice([0.1, 0.2, 0.3, 0.01, 1.5, self.random.random()])
        return self.function(OP.LEAKY_RELU, m, x, shape, self.near(sx, 4), self.zero(),
                             ("LeakyReluOptions", dict(Alpha=alpha)))

    def prelu(self, m, x, shape, sx, zx, activation):
        small = self.random.choice([[1, 1, shape[3]], [1, 1, 1]])
        slopes = m.tensor("slopes", small, self.kind, [self.scale(-9, -5)], [self.zero()],
                          data=self.codes(small).tobytes())
        return self.function(OP.PRELU, m, x, shape, self.near(sx, 4), self.zero(), None, 1,
                             [slopes])

    def relu_n1_to_1(self, *arguments):
        return self.relu(*arguments, code=OP.RELU_N1_TO_1)

    def l2_normalization(self, m, x, shape, sx, zx, activation):
        return self.function(OP.L2_NORMALIZATION, m, x, shape, 1 / 128, self.low + 128,
                             ("L2NormOptions", dict(FusedActivationFunction=0)))

    def quantize(self, m, x, shape, sx, zx, activation):
        self.set_type(self.random.random() < 0.5)
        y = m.tensor("output", shape, self.kind, [self.near(sx, 6)], [self.zero()])
        self.set_type(self.unsigned)
        m.operator(OP.QUANTIZE, [x], [y])
        return y

    def relu(self, m, x, shape, sx, zx, activation, code=OP.RELU):
        y = m.tensor("output", shape, self.kind, [self.near(sx, 4)], [self.zero()])
        m.operator(code, [x], [y], version=1 if code == OP.RELU_N1_TO_1 else 2)
        return y

    def relu6(self, *arguments):
        return self.relu(*arguments, code=OP.RELU6)

    def pad(self, m, x, shape, sx, zx, activation):
        r = self.random
        pads = [[0, 0], [r.randint(0, 3), r.randint(0, 3)], [r.randint(0, 3), r.randint(0, 3)],
                [0, r.choice([0, 0, 2])]]
        p = m.tensor("pads", [4, 2], tflite.TensorType.INT32, data=np.array(pads, "<i4").tobytes())
        y = m.tensor("output", [n + sum(p) for n, p in zip(shape, pads)], self.kind, [sx], [zx])
        if r.random() < 0.5:
            m.operator(OP.PAD, [x, p], [y], ("PadOptions", {}), 2)
        else:
            value = zx if r.random() < 0.5 else r.randint(self.low, self.high)
            fill = m.tensor("fill", [1], self.kind, [sx], [zx],
                            data=np.array([value]).astype(self.dtype).tobytes())
            m.operator(OP.PADV2, [x, p, fill], [y], ("PadV2Options", {}), 2)
        return y

    def softmax(self, m, x, shape, sx, zx, activation):
        y = m.tensor("output", shape, self.kind, [1 / 256], [self.low])
        beta = self.random.choice([1.0, 1.0, 0.5, 2.0])
        m.operator(OP.SOFTMAX, [x], [y], ("SoftmaxOptions", dict(Beta=beta)), 2)
        return y

    def squeeze(self, m, x, shape, sx, zx, activation):
        axes = self.random.choice([[0, 1], [1], [0], [-4]])
        removed = {axis % 4 for axis in axes}
        y = m.tensor("output", [n for d, n in enumerate(shape) if d not in removed], self.kind,
                     [sx], [zx])
        m.operator(OP.SQUEEZE, [x], [y], ("SqueezeOptions", dict(SqueezeDims=axes)))
        return y


def samples(kind, seed, limit):
    """Endless models of a kind, each with an input and what LiteRT computes from it."""
    index = 0
    while True:
        generator = Generator(f"{kind} {seed} {index}", limit)
        index += 1
        made = generator.make(kind)
        if made is None:
            continue
        model, shape = made
        interpreter = Interpreter(model_content=model,
                                  experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        x = generator.codes(shape)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        yield model, x, interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def record(path):
    text = lambda data: base64.b64encode(data).decode()
    entries = []
    for kind in KINDS:
        source = samples(kind, 1, 5)
        for _ in range(5):
            model, x, y = next(source)
            entries.append({"kind": kind, "model": text(model), "input": text(x.tobytes()),
                            "output": text(y.tobytes())})
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n")


def compare(program, seed, count, kinds):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in kinds or KINDS:
            source, different = samples(kind, seed, 9), 0
            for index in range(count):
                model, x, y = next(source)
                (folder / "m.tflite").write_bytes(model)
                np.save(folder / "x.npy", x)
                done = subprocess.run([program, "run", folder / "m.tflite", "--input",
                                       folder / "x.npy", "--output", folder / "y.npy"],
                                      capture_output=True, text=True)
                if done.returncode != 0:
                    print(done.stderr, file=sys.stderr)
                if done.returncode != 0 or not np.array_equal(np.load(folder / "y.npy"), y):
                    different += 1
                    pathlib.Path(f"{kind}-{seed}-{index}.tflite").write_bytes(model)
            print(f"{kind}: {count} models, {different} differ", flush=True)
            failures += different
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser("record")
    recorder.add_argument("path", type=pathlib.Path)
    comparer = commands.add_parser("compare")
    comparer.add_argument("program")
    comparer.add_argument("--seed", type=int, default=2)
    comparer.add_argument("--count", type=int, default=100)
    comparer.add_argument("kinds", nargs="*")
    arguments = parser.parse_args()
    if arguments.command == "record":
        record(arguments.path)
    elif compare(arguments.program, arguments.seed, arguments.count, arguments.kinds):
        sys.exit(1)


if __name__ == "__main__":
    main()
