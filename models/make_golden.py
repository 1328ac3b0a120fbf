#!/usr/bin/env python3
"""Records what LiteRT's reference kernels compute for an int8 model, operator by operator.

    python models/make_golden.py                      models/golden/fashion_mnist_int8.json
    python models/make_golden.py MODEL.tflite IMAGE.png ... --out GOLDEN.json

For each image and each operator in execution order: the output tensor's name, shape, dtype,
SHA-256 of its raw bytes (little-endian) and first values. The reference kernels (no XNNPACK) are
an oracle that this project did not write. The input is pixel - 128.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "fashion_mnist_int8.tflite"
# Those of the ten whose softmax is not all 127 and -128.
IMAGES = ["4_coat.png", "6_shirt.png", "9_ankle-boot.png"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def record(interpreter, path):
    """One run: the image through the network, and what every operator made of it."""
    source = interpreter.get_input_details()[0]
    result = interpreter.get_output_details()[0]
    pixels = np.asarray(Image.open(path), np.int16)
    tensor = (pixels.reshape(source["shape"]) - 128).astype(np.int8)
    interpreter.set_tensor(source["index"], tensor)
    interpreter.invoke()
    operators = []
    for operator in interpreter._get_ops_details():
        for index in operator["outputs"]:
            values = np.ascontiguousarray(interpreter.get_tensor(int(index)))
            operators.append({
                "op": int(operator["index"]),
                "kind": operator["op_name"],
                "tensor": interpreter._get_tensor_details(int(index), 0)["name"],
                "shape": list(values.shape),
                "dtype": str(values.dtype),
                "sha256": sha256(values.tobytes()),
                "first": values.ravel()[:8].tolist(),
            })
    scores = interpreter.get_tensor(result["index"]).ravel()
    best = np.argsort(-scores.astype(np.int64), kind="stable")[:5]
    return {
        "image": path.name,
        "input_sha256": sha256(tensor.tobytes()),
        "ops": operators,
        "top5": [[int(k), int(scores[k])] for k in best],
    }


def text(golden):
    """JSON with one operator a line."""
    one_line = json.dumps
    runs = []
    for run in golden["runs"]:
        operators = ",\n    ".join(map(one_line, run["ops"]))
        fields = [f"{one_line(key)}: {one_line(run[key])}" for key in ("image", "input_sha256")]
        fields += [f'"ops": [\n    {operators}]', f'"top5": {one_line(run["top5"])}']
        runs.append("  {" + ",\n   ".join(fields) + "}")
    head = [f"{one_line(k)}: {one_line(v)}" for k, v in golden.items() if k != "runs"]
    return "{" + ",\n ".join(head) + ',\n "runs": [\n' + ",\n".join(runs) + "]}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=pathlib.Path, default=MODEL)
    parser.add_argument("images", nargs="*", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    model = arguments.model
    images = arguments.images or [HERE / "images" / name for name in IMAGES]
    out = arguments.out or HERE / "golden" / f"{model.stem}.json"

    interpreter = Interpreter(
        str(model),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    golden = {
        "model": model.name,
        "oracle": "LiteRT reference kernels (BUILTIN_REF)",
        "model_sha256": sha256(model.read_bytes()),
        "runs": [record(interpreter, path) for path in images],
    }
    out.parent.mkdir(exist_ok=True)
    out.write_text(text(golden))
    assert json.loads(out.read_text()) == golden


if __name__ == "__main__":
    main()
