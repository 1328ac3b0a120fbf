"""Small ONNX models of functions whose last bits depend on the library."""
import numpy as np

from onnx_net import Net


SOFTMAX = {}


def softmax(axis, opset, image):
    n = Net([1, 5, 1, 1] if image else [1, 5], opset=opset)
    n.node("Softmax", **({} if axis is None else {"axis": axis}))
    return n


SOFTMAX["softmax_old"] = lambda: softmax(None, 11, True)
SOFTMAX["softmax_new"] = lambda: softmax(None, 13, False)


def nonlinear(operation, **attributes):
    n = Net([1, 3, 2, 4], opset=14)
    n.node(operation, **attributes)
    return n


for operation, attributes in [("Sigmoid", {}), ("Tanh", {}), ("Elu", {"alpha": 0.5}), ("Exp", {}),
                              ("HardSwish", {})]:
    SOFTMAX[operation.lower()] = lambda o=operation, a=attributes: nonlinear(o, **a)


def hard_swish_in_parts():
    n = Net([1, 3, 2, 4], opset=13)
    x = n.last
    n.node("Add", [x, n.constant(np.float32(3))])
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(6))])
    n.node("Mul", [x, n.last])
    n.node("Div", [n.last, n.constant(np.float32(6))])
    return n


SOFTMAX["hard_swish_in_parts"] = hard_swish_in_parts
SOFTMAX["softmax_channels"] = lambda: softmax(1, 13, True)
