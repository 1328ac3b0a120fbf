"""Small ONNX models of real numbers, by exporters' idioms."""
import numpy as np
from onnx import TensorProto, numpy_helper

from onnx_net import Net, numbers


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
def transpose_that_nothing_reads():
    n = Net([1, 3, 8, 4])
    n.conv(2, 3, 3)
    last = n.last
    n.node("Transpose", ["x"], perm=[0, 3, 1, 2])
    n.last = last
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
def reduce_max_of_an_image():
    n = Net([1, 3, 4, 2], opset=13)
    n.node("ReduceMax", axes=[2, -1], keepdims=0)
    n.node("Neg")
    return n


@case
def cast_like_a_tensor():
    """As PyTorch's newer exporter gives constants the type of a tensor."""
    n = Net([1, 3, 4, 2], opset=18)
    three = n.node("CastLike", [n.constant(np.array(3, np.int64)), "x"])
    n.node("Add", ["x", three])
    n.node("CastLike", [n.last, "x"])
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
def batch_normalization_before_convolutions():
    n = Net([1, 3, 6, 6])
    n.conv(4, 3, 3)
    n.node("Relu")
    n.node("BatchNormalization", [
        n.last, n.weights(4), n.weights(4), n.weights(4),
        n.constant(np.array([0.75, 3.75, 15.75, 0.0], np.float32))], epsilon=0.25)
    n.conv(2, 4, 3)
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


@case
def concatenation_of_maps():
    n = Net([1, 3, 4, 5])
    x = n.last
    first = n.conv(2, 3, 1)
    second = n.node("Relu", [x])
    n.node("Concat", [first, second, x], axis=1)
    n.conv(2, 8, 1)
    return n


@case
def concatenation_of_rows():
    n = Net([1, 3, 4, 5])
    x = n.last
    n.node("Relu")
    n.node("Concat", [n.last, x], axis=-2)
    n.node("Flatten")
    n.node("Gemm", [n.last, n.weights(3, 120)], transB=1)
    return n


@case
def concatenation_of_vectors():
    n = Net([1, 6])
    x = n.last
    n.node("Relu")
    n.node("Concat", [x, n.last], axis=1)
    return n


@case
def leaky_relu():
    n = Net([1, 3, 4, 4])
    n.node("LeakyRelu", alpha=0.25)
    return n


@case
def parametric_relu():
    n = Net([1, 3, 4, 4])
    n.node("PRelu", [n.last, n.weights(3, 1, 1)])
    return n


@case
def parametric_relu_of_four_dimensions():
    n = Net([1, 3, 3, 3])
    n.node("PRelu", [n.last, n.weights(1, 3, 1, 1)])
    return n


@case
def ceiling_pool_over_a_map_smaller_than_its_window():
    n = Net([1, 2, 2, 8])
    n.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    return n


@case
def hard_sigmoid_and_absolute():
    n = Net([1, 3, 4, 4])
    n.node("Abs")
    n.node("HardSigmoid", alpha=0.125, beta=0.25)
    return n


@case
def squeeze_and_excitation():
    n = Net([1, 4, 4, 4])
    x = n.last
    n.node("GlobalAveragePool")
    n.conv(4, 4, 1)
    n.node("HardSigmoid", alpha=0.125, beta=0.5)
    n.node("Mul", [x, n.last])
    return n
