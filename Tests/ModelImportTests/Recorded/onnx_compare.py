#!/usr/bin/env python3
"""Compares deepfreeze with ONNX Runtime at every quantized tensor of a small MobileNet.

    pip install onnx onnxruntime numpy
    onnx_compare.py DEEPFREEZE [--images N]
    onnx_compare.py --save FOLDER     writes the network and its first quantized form

The network (3x3 stem, three depthwise separable blocks with batch normalization and ReLU6, global
average, classifier; random weights) is quantized by ONNX Runtime's own quantizer: QDQ and QOperator,
int8 with a scale a channel and uint8 with a scale a tensor. ONNX Runtime computes it with and
without graph optimization. The number of codes that differ is printed for each tensor.
"""
import argparse
import copy
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

RANDOM = np.random.default_rng(1)
SIZE = 32


def network():
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def block(x, name, inputs, outputs, kernel, stride, groups):
        fan = kernel * kernel * inputs / groups
        weights = RANDOM.normal(0, (2 / fan) ** 0.5, (outputs, inputs // groups, kernel, kernel))
        nodes.append(helper.make_node(
            "Conv", [x, constant(name + ".weight", weights)], [name + ".conv"], group=groups,
            kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4))
        nodes.append(helper.make_node("BatchNormalization", [
            name + ".conv", constant(name + ".scale", RANDOM.uniform(0.5, 1.5, outputs)),
            constant(name + ".B", RANDOM.normal(0, 0.3, outputs)),
            constant(name + ".mean", RANDOM.normal(0, 0.1, outputs)),
            constant(name + ".var", RANDOM.uniform(0.5, 1.5, outputs))], [name + ".bn"]))
        bounds = [constant(name + ".low", 0), constant(name + ".high", 6)]
        nodes.append(helper.make_node("Clip", [name + ".bn", *bounds], [name]))
        return name

    x, channels = block("image", "stem", 3, 8, 3, 2, 1), 8
    for number, (outputs, stride) in enumerate([(8, 1), (12, 2), (12, 1)]):
        x = block(x, f"block{number}.depthwise", channels, channels, 3, stride, channels)
        x = block(x, f"block{number}.pointwise", channels, outputs, 1, 1, 1)
        channels = outputs
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["average"]))
    nodes.append(helper.make_node("Flatten", ["average"], ["flat"]))
    matrix = [constant("matrix", RANDOM.normal(0, 0.3, (10, channels))),
              constant("bias", RANDOM.normal(0, 0.3, 10))]
    nodes.append(helper.make_node("Gemm", ["flat", *matrix], ["logits"], transB=1))
    graph = helper.make_graph(
        nodes, "mobilenet",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


class Images(CalibrationDataReader):
    def __init__(self):
        self.rest = 8

    def get_next(self):
        self.rest -= 1
        if self.rest < 0:
            return None
        return {"image": RANDOM.uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)}


def quantized(folder):
    onnx.save(network(), folder / "float.onnx")
    quant_pre_process(folder / "float.onnx", folder / "folded.onnx", skip_symbolic_shape=True)
    for kind, channels in ((QuantType.QInt8, True), (QuantType.QUInt8, False)):
        for form in (QuantFormat.QDQ, QuantFormat.QOperator):
            path = folder / "quantized.onnx"
            quantize_static(folder / "folded.onnx", path, Images(), quant_format=form,
                            per_channel=channels, activation_type=kind, weight_type=kind)
            yield f"{form.name} {kind.name}", onnx.load(path)


def session(model, optimized):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def compare(model, deepfreeze, folder, images):
    """(tensor, codes, codes that differ without optimization, and with) for each tensor."""
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
    scale, zero = (constants[n] for n in first.input[1:])
    limits = np.iinfo(zero.dtype)
    kind = TensorProto.INT8 if zero.dtype == np.int8 else TensorProto.UINT8
    for node in model.graph.node:
        if node is first or not (node.op_type == "QuantizeLinear" or node.op_type[0] == "Q"):
            continue
        if node.input[0] in constants:
            continue
        part = copy.deepcopy(model)
        del part.graph.output[:]
        part.graph.output.append(helper.make_tensor_value_info(node.output[0], kind, None))
        onnx.save(part, folder / "part.onnx")
        counts = [0, 0, 0]
        for _ in range(images):
            image = RANDOM.uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
            codes = np.clip(np.rint(image / scale) + zero, limits.min, limits.max)
            np.save(folder / "in.npy",
                    np.ascontiguousarray(codes.astype(zero.dtype).transpose(0, 2, 3, 1)))
            subprocess.run([deepfreeze, "run", folder / "part.onnx", "--input", folder / "in.npy",
                            "--output", folder / "out.npy"], check=True, stdout=subprocess.DEVNULL)
            result = np.load(folder / "out.npy")
            if result.ndim == 4:
                result = result.transpose(0, 3, 1, 2)
            counts[0] += result.size
            for place, optimized in ((1, False), (2, True)):
                wanted = session(part, optimized).run(None, {"image": image})[0]
                counts[place] += int((result != wanted).sum())
        yield node.output[0], *counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deepfreeze", nargs="?", default="deepfreeze")
    parser.add_argument("--save", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.save:
        with tempfile.TemporaryDirectory() as name:
            _, model = next(quantized(pathlib.Path(name)))
            onnx.save(onnx.load(pathlib.Path(name) / "float.onnx"),
                      arguments.save / "onnx_mobilenet_float.onnx")
            onnx.save(model, arguments.save / "onnx_mobilenet_qdq.onnx")
        return
    deepfreeze = pathlib.Path(arguments.deepfreeze).resolve()
    totals = np.zeros(3, int)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for form, model in quantized(folder):
            for tensor, *counts in compare(model, deepfreeze, folder, arguments.images):
                totals += counts
                print(f"{form:16} {tensor:40} {counts[0]:6} codes, {counts[1]} differ, "
                      f"{counts[2]} from the optimized")
    print(f"{totals[0]} codes, {totals[1]} differ, {totals[2]} from the optimized")
    sys.exit(1 if totals[1:].any() else 0)


if __name__ == "__main__":
    main()
