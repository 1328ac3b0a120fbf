"""ONNX models that must be refused, each with a part of what the diagnostic says."""
import numpy as np
from onnx import TensorProto, helper

from onnx_net import Net, QuantizedNet, numbers


REFUSED = {}


def refused(text):
    def add(function):
        REFUSED[function.__name__] = (text, function)
        return function
    return add


@refused("operator 'Erf' is not supported")
def unknown_operator():
    n = Net([1, 2, 4, 4])
    n.node("Erf", name="odd")
    n.node("Relu")
    return n


@refused("operator 'com.microsoft.FusedConv' is not supported")
def unknown_domain():
    n = Net([1, 2, 4, 4])
    n.node("FusedConv", [n.last, n.weights(2, 2, 1, 1)], domain="com.microsoft")
    return n


@refused("has no dimension 4")
def concat_along_no_dimension():
    n = Net([1, 2, 4, 4])
    n.node("Concat", [n.last, n.last], axis=4)
    return n


@refused("cannot be joined")
def concat_of_two_sizes():
    n = Net([1, 2, 4, 4])
    x = n.last
    n.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    n.node("Concat", [n.last, x], axis=1)
    return n


@refused("not one or one a channel")
def slopes_a_pixel():
    n = Net([1, 2, 4, 4])
    n.node("PRelu", [n.last, n.weights(2, 4, 4)])
    return n


@refused("not one or one a channel")
def slopes_along_the_height():
    n = Net([1, 4, 4, 4])
    n.node("PRelu", [n.last, n.weights(1, 4, 1)])
    return n


@refused("which is not quantized")
def bias_along_the_width():
    """As many columns as channels, and no bias."""
    n = QuantizedNet([1, 3, 4, 4])
    n.layer("Conv", (4, 3, 1, 1), bias=False)
    n.node("Add", [n.last, n.weights(1, 1, 4)])
    n.quantize(0.03)
    return n


@refused("a number does not fit its target type")
def cast_of_a_code_below_zero():
    n = Net([1, 2, 4, 4])
    codes = n.node("Cast", [n.constant(np.array([-1, 3], np.int8).reshape(1, 2, 1, 1))],
                   to=TensorProto.UINT8)
    n.node("Mul", ["x", n.node("Cast", [codes], to=TensorProto.FLOAT)])
    return n


@refused("no operator gives the output, or as a further result")
def indices_at_the_end():
    n = Net([1, 2, 4, 4])
    n.node("MaxPool", kernel_shape=[2, 2])
    n.nodes[-1].output.append("places")
    model = n.model()
    model.graph.output.append(
        helper.make_tensor_value_info("places", TensorProto.INT64, None))
    return model


@refused("divide has no integer form by ONNX's rules")
def quotient_of_maps():
    n = QuantizedNet([1, 2, 4, 4])
    x = n.last
    n.node("MaxPool", kernel_shape=[1, 1])
    n.quantize(0.01)
    n.node("Div", [x, n.last])
    n.quantize(0.01)
    return n


@refused("its dilations are 2 and 2")
def pool_dilation():
    n = Net([1, 2, 8, 8])
    n.node("MaxPool", kernel_shape=[3, 3], dilations=[2, 2])
    return n


@refused("its mode is 'reflect'")
def reflecting_pad():
    n = Net([1, 2, 8, 8], opset=10)
    n.node("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="reflect")
    return n


@refused("it pads with 1.0")
def pad_with_one():
    n = Net([1, 2, 8, 8], opset=10)
    n.node("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.0)
    return n


@refused("it is in training mode")
def training():
    n = Net([1, 2, 8, 8], opset=15)
    n.node("BatchNormalization", [n.last] + [n.weights(2) for _ in range(4)], training_mode=1)
    return n


@refused("are of version (opset) 6")
def old_opset():
    n = Net([1, 2, 8, 8], opset=6)
    n.node("Relu")
    return n


@refused("are of version (opset) 99")
def unknown_opset():
    n = Net([1, 2, 8, 8], opset=99)
    n.node("Relu")
    return n


@refused("in another file (external data)")
def external_data():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 1)
    tensor = n.constants[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return n


@refused("its 9x9 window fits nowhere into the 8x8 image")
def large_window():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 9)
    return n


@refused("do not fit 3 channels")
def wrong_channels():
    n = Net([1, 3, 8, 8])
    n.conv(2, 2, 1)
    return n


@refused("the input's height or width is open")
def open_size():
    n = Net([1, 3, "height", "width"])
    n.node("Relu")
    return n


@refused("the input has a batch of 4")
def batch():
    n = Net([4, 3, 8, 8])
    n.node("Relu")
    return n


@refused("its operand is 1x2x8, not one image 1xCxHxW")
def one_dimension():
    n = Net([1, 2, 8])
    n.node("Conv", [n.last, n.weights(2, 2, 3)])
    return n


@refused("only the first result of an operator is supported")
def second_result():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("MaxPool", ["x"], ["a", "b"], kernel_shape=[2, 2]))
    n.node("Cast", ["b"], to=TensorProto.FLOAT)
    return n


@refused("its operand 'nowhere' is not in the file")
def missing_operand():
    n = Net([1, 2, 8, 8])
    n.node("Add", [n.last, "nowhere"])
    return n


@refused("it depends on its own result")
def loop():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("Add", ["x", "b"], ["a"], name="first"))
    n.nodes.append(helper.make_node("Relu", ["a"], ["b"], name="second"))
    n.last = "a"
    return n


@refused("two tensors have this name")
def same_name():
    n = Net([1, 2, 8, 8])
    n.nodes.append(helper.make_node("Relu", ["x"], ["a"]))
    n.nodes.append(helper.make_node("Neg", ["x"], ["a"]))
    n.last = "a"
    return n


@refused("two tensors have this name")
def two_writers():
    n = same_name()
    n.nodes.append(helper.make_node("Abs", ["a"], ["b"]))
    n.last = "b"
    return n


@refused("the network has 2 inputs")
def two_inputs():
    n = Net([1, 2, 8, 8])
    n.node("Add", ["x", "y"])
    model = n.model()
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 8, 8]))
    return model


@refused("no output depends on an input")
def constant_output():
    n = Net([1, 2, 8, 8])
    n.node("Relu", [n.weights(2)])
    return n


@refused("is not a constant of real numbers")
def computed_weights():
    n = Net([1, 2, 1, 1])
    n.node("Conv", ["x", "x"])
    return n


@refused("is inf")
def infinite_weight():
    n = Net([1, 2, 8, 8])
    n.node("Conv", [n.last, n.constant(np.array([[[[np.inf]], [[1]]]], np.float32))])
    return n


@refused("it multiplies 1x2x8x8 with 8x3")
def matrix_of_an_image():
    n = Net([1, 2, 8, 8])
    n.node("MatMul", [n.last, n.weights(8, 3)])
    return n


@refused("needs 16 bytes and has 12")
def short_data():
    n = Net([1, 2, 8, 8])
    n.conv(2, 2, 1)
    n.constants[0].raw_data = n.constants[0].raw_data[:12]
    return n


@refused("reads 'real', which is not quantized")
def real_layer_inside():
    n = QuantizedNet([1, 3, 6, 6])
    n.conv(4, 3, 1, name="real")
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    return n


@refused("its weights are not quantized")
def real_weights():
    n = QuantizedNet([1, 3, 6, 6])
    n.conv(4, 3, 1, name="real")
    n.quantize(0.02)
    return n


@refused("no QuantizeLinear follows it")
def real_end():
    n = QuantizedNet([1, 3, 6, 6])
    n.layer("Conv", (4, 3, 1, 1))
    n.codes = n.last
    return n


@refused("its scale or zero point is not that of the QuantizeLinear before it")
def other_grid():
    n = QuantizedNet([1, 3, 6, 6])
    n.node("DequantizeLinear", [n.codes, n.constant(np.float32(2)),
                                n.constant(np.array(3, np.int8))])
    n.quantize(0.02)
    return n


@refused("hard sigmoid has no integer form by ONNX's rules")
def function_of_a_real_layer():
    n = QuantizedNet([1, 3, 6, 6])
    n.layer("Conv", (4, 3, 1, 1))
    n.node("HardSigmoid")
    n.quantize(0.02)
    return n


@refused("its integers are not of 8 bits")
def sixteen_bits():
    n = QuantizedNet([1, 3, 6, 6], opset=21)
    grid = n.constant(np.float32(0.001)), n.constant(np.array(3, np.int16))
    n.quantize(0, grid)
    return n


@refused("softmax has no integer form by ONNX's rules")
def softmax_that_is_read_on():
    n = QuantizedNet([1, 6])
    n.layer("Gemm", (5, 6), transB=1)
    n.quantize(0.02)
    between = n.node("Softmax")
    n.quantize(0.004)
    n.layer("Gemm", (3, 5), transB=1)
    n.quantize(0.02)
    model = n.model()
    model.graph.output.append(helper.make_tensor_value_info(between, TensorProto.FLOAT, None))
    return model


@refused("its zero point has another type than its operand")
def zero_point_of_another_type():
    n = QuantizedNet([1, 3, 6, 6], signed_input=True)
    n.nodes[0].input.append(n.constant(np.array(3, np.uint8)))
    n.layer("Conv", (4, 3, 1, 1))
    n.quantize(0.02)
    return n


def of_codes(n, zero=None, weights=None, **attributes):
    if weights is None:
        weights = n.constant(np.ones((4, 3, 3, 3), np.int8))
    n.node("ConvInteger", [n.codes, weights, zero or n.grid[1]], **attributes)
    return n


@refused("the output is sums in 32 bits, not quantized")
def sums_at_the_end():
    n = of_codes(QuantizedNet([1, 3, 6, 6], np.uint8))
    n.codes = n.last
    model = n.model()
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
    return model


@refused("no QuantizeLinear follows it")
def real_sums_at_the_end():
    n = of_codes(QuantizedNet([1, 3, 6, 6], np.uint8))
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.constant(np.float32(0.001))])
    n.codes = n.last
    return n


@refused("it computes with sums in 32 bits")
def rectified_sums():
    n = of_codes(QuantizedNet([1, 3, 6, 6], np.uint8, opset=14))
    n.node("Relu")
    n.node("Cast", to=TensorProto.FLOAT)
    n.quantize(0.02)
    return n


@refused("its zero point is 3, and that of the tensor is")
def other_zero_point_of_sums():
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    of_codes(n, n.constant(np.array(3, np.uint8)))
    n.node("Cast", to=TensorProto.FLOAT)
    n.quantize(0.02)
    return n


@refused("its sums are multiplied by -0.5")
def negative_scale_of_sums():
    n = of_codes(QuantizedNet([1, 3, 6, 6], np.uint8))
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.constant(np.float32(-0.5))])
    n.quantize(0.02)
    return n


@refused("'DynamicQuantizeLinear' is not supported")
def dynamic_quantization():
    """What onnxruntime.quantization.quantize_dynamic makes of a convolution."""
    n = Net([1, 3, 6, 6])
    n.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="dynamic"))
    n.node("ConvInteger", ["q", n.constant(np.ones((4, 3, 3, 3), np.int8)), "z"])
    n.node("Cast", to=TensorProto.FLOAT)
    sums = n.last
    scale = n.node("Mul", ["s", n.constant(np.float32(0.01))])
    n.node("Mul", [sums, scale])
    return n


def integer_products_of_bytes(operation, shape, weights, **attributes):
    n = Net(shape, kind=TensorProto.UINT8)
    n.node(operation, ["x", n.constant(np.ones(weights, np.int8))], **attributes)
    n.node("Cast", to=TensorProto.FLOAT)
    return n


@refused("its weights have the shape")
def one_weight_of_sums():
    return integer_products_of_bytes("ConvInteger", [1, 1, 4, 4], (), kernel_shape=[1, 1])


@refused("its weights have the shape")
def a_vector_of_weights():
    return integer_products_of_bytes("MatMulInteger", [1, 12], 12)


@refused("in the order of channels, rows and columns")
def a_flat_map_at_the_end():
    n = Net([1, 2, 4, 4])
    grid = (n.constant(np.float32(0.01)), n.constant(np.array(3, np.int8)))
    n.node("QuantizeLinear", ["x", *grid])
    n.node("DequantizeLinear", [n.last, *grid])
    n.node("MaxPool", kernel_shape=[2, 2])
    n.node("QuantizeLinear", [n.last, *grid])
    n.node("DequantizeLinear", [n.last, *grid])
    n.node("Flatten")
    return n
