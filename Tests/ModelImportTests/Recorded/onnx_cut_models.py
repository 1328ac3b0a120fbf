"""Quantized ONNX models that end in functions of real numbers, which are left out with a note."""
import numpy as np
from onnx import TensorProto, helper

from onnx_net import QuantizedNet


def softmax_at_the_end(requantized):
    n = QuantizedNet([1, 6])
    n.layer("Gemm", (5, 6), transB=1)
    n.quantize(0.02)
    n.node("Softmax")
    if requantized:
        n.quantize(0.004)
    n.codes = n.last
    return n


def end(operation, **attributes):
    n = QuantizedNet([1, 6], np.uint8)
    n.layer("Gemm", (5, 6), transB=1)
    n.quantize(0.02)
    if attributes.get("domain"):
        grid = (n.constant(np.float32(1 / 256)), n.constant(np.array(0, np.uint8)))
        n.node(operation, [n.codes, *n.grid, *grid], **attributes)
        n.node("DequantizeLinear", [n.last, *grid])
    else:
        n.node(operation, **attributes)
    n.codes = n.last
    return n


class BestTwo(QuantizedNet):
    """Both results of TopK are outputs."""

    def model(self, open_batch=True):
        model = super().model(open_batch)
        model.graph.node[-1].output.append("places")
        model.graph.output.append(
            helper.make_tensor_value_info("places", TensorProto.INT64, None))
        return model


def best_two():
    n = BestTwo([1, 6], np.uint8)
    n.layer("Gemm", (5, 6), transB=1)
    n.quantize(0.02)
    n.node("TopK", [n.last, n.constant(np.array([2], np.int64))])
    n.codes = n.last
    return n


CUT = {"q_best_two": ("TopK works on the network's result", best_two),
       "q_softmax_plain": ("Softmax computes", lambda: softmax_at_the_end(False)),
       "q_softmax_quantized": ("Softmax computes", lambda: softmax_at_the_end(True)),
       "q_softmax_linear": ("Softmax computes", lambda: end(
           "QLinearSoftmax", domain="com.microsoft", axis=1, opset=13)),
       "q_sigmoid": ("sigmoid computes", lambda: end("Sigmoid")),
       "q_tanh": ("tanh computes", lambda: end("Tanh")),
       "q_log_softmax": ("LogSoftmax works on the network's result", lambda: end("LogSoftmax")),
       "q_class": ("ArgMax works on the network's result", lambda: end("ArgMax", axis=1))}
