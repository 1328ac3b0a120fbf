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
from onnx import TensorProto

from onnx_cut_models import CUT
from onnx_float_models import FLOAT
from onnx_function_models import SOFTMAX
from onnx_net import RANDOM, Net, begin, numbers, run
from onnx_quantized_models import QUANTIZED
from onnx_refused_models import REFUSED


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


def record_quantized(name, net, entries):
    """The input as codes, and the codes that ONNX Runtime computes operator by operator."""
    model = net.model()
    if net.kind == TensorProto.INT8:
        codes = value = RANDOM.integers(-128, 128, net.shape).astype(np.int8)
    elif net.kind == TensorProto.UINT8:
        codes = value = RANDOM.integers(0, 256, net.shape).astype(np.uint8)
    else:
        value = RANDOM.uniform(-1.2, 1.2, net.shape).astype(np.float32)
        first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
        scale, zero = (net.array(n) for n in first.input[1:])
        limits = np.iinfo(zero.dtype)
        image = net.prepare(value)
        codes = np.clip(np.rint(image / scale) + zero, limits.min, limits.max).astype(zero.dtype)
    result = run(model, value)
    entries.append({
        "name": name, "model": text(model.SerializeToString()),
        "inputShape": list(value.shape), "input": text(codes.tobytes()),
        "outputShape": list(result.shape), "output": text(result.tobytes())})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    arguments = parser.parse_args()
    float_cases, softmax_cases, quantized_cases, cut_cases, refusals = [], [], [], [], []
    for name, make in FLOAT.items():
        begin(name)
        record_float(name, make(), float_cases)
    for name, make in SOFTMAX.items():
        begin(name)
        record_float(name, make(), softmax_cases)
    for name, make in QUANTIZED.items():
        begin(name)
        record_quantized(name, make(), quantized_cases)
    for name, (message, make) in REFUSED.items():
        begin(name)
        model = make()
        if isinstance(model, Net):
            model = model.model(open_batch=name != "batch")
        refusals.append({"name": name, "message": message, "model": text(model.SerializeToString())})
    for name, (message, make) in CUT.items():
        begin(name)
        cut_cases.append({"name": name, "message": message,
                          "model": text(make().model().SerializeToString())})
    record = {"float": float_cases, "softmax": softmax_cases, "quantized": quantized_cases,
              "cut": cut_cases, "refused": refusals}
    with open(arguments.file, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
