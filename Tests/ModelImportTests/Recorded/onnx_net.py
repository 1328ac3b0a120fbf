"""ONNX models under construction, and ONNX Runtime to compute them."""
import zlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


RANDOM = np.random.default_rng(2026)


def begin(case):
    """Every case draws its own numbers, whatever cases there are besides."""
    RANDOM.bit_generator.state = np.random.default_rng(zlib.crc32(case.encode())).bit_generator.state


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


class QuantizedNet(Net):
    """QuantizeLinear and DequantizeLinear around real operators, scales at random."""

    def __init__(self, shape, kind=np.int8, opset=13, powers=False, per_channel=True,
                 signed_input=False):
        super().__init__(shape, opset, TensorProto.INT8 if signed_input else TensorProto.FLOAT)
        self.type, self.powers, self.per_channel = kind, powers, per_channel
        if signed_input:
            self.grid = (self.constant(self.scale(2 / 255)),)
            self.node("DequantizeLinear", ["x", *self.grid])
        else:
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

    def prepare(self, value):
        """What the network computes of its input before it quantizes it."""
        return value

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
