#!/usr/bin/env python3
"""Runs the back ends' models in ONNX Runtime and records those that equal the interpreter.

usage: run_back_ends.py FOLDER

FOLDER holds, by name, NAME.onnx, NAME.features and NAME.outputs (raw bytes of one input after the other),
as BackEndTests writes them with DEEPFREEZE_BACK_ENDS. Everything is to be equal in every
bit, but L2 normalization, which is computed in real numbers: within one step. Needs onnxruntime and numpy.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

TYPES = {"tensor(uint8)": np.uint8, "tensor(int8)": np.int8}


def read(path, values):
    """For every input the values' tensors."""
    data = path.read_bytes()
    sizes = [int(np.prod(v.shape)) for v in values]
    assert len(data) % sum(sizes) == 0, path
    at = 0
    while at < len(data):
        row = []
        for value, size in zip(values, sizes):
            row.append(np.frombuffer(data[at:at + size], TYPES[value.type]).reshape(value.shape))
            at += size
        yield row


def main():
    folder = pathlib.Path(sys.argv[1])
    target = pathlib.Path(__file__).with_name("back_ends.json")
    record, wrong = {}, 0
    for path in sorted(folder.glob("*.onnx")):
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        features = list(read(path.with_suffix(".features"), session.get_inputs()))
        outputs = list(read(path.with_suffix(".outputs"), session.get_outputs()))
        assert len(features) == len(outputs) > 0, path
        is_real = b"LpNormalization" in path.read_bytes()
        differing, values, most = 0, 0, 0
        for row, wanted in zip(features, outputs):
            found = session.run(None, {session.get_inputs()[0].name: row[0]})
            for a, b in zip(found, wanted):
                assert a.dtype == b.dtype and a.shape == b.shape, path
                values += a.size
                differing += int(np.sum(a != b))
                most = max(most, int(np.max(np.abs(a.astype(int) - b.astype(int)), initial=0)))
        equal = most <= 1 if is_real else differing == 0
        print(f"{path.stem}: {len(features)} inputs, {values} values, {differing} differ"
              + (f", by {most} at most" if is_real else ""))
        if equal:
            record[path.stem] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            wrong += 1
    target.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    print(f"{len(record)} equal, {wrong} not")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
