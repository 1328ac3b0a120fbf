"""Small quantized ONNX models."""
import numpy as np
from onnx import TensorProto

from onnx_net import QuantizedNet, numbers, RANDOM


QUANTIZED = {}


def quantized(function):
    QUANTIZED[function.__name__] = function
    return function


@quantized
def q_convolution_a_scale_a_channel():
    n = QuantizedNet([1, 4, 9, 8])
    n.layer("Conv", (6, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 1])
    n.quantize(0.02)
    return n


@quantized
def q_convolution_bytes():
    n = QuantizedNet([1, 4, 9, 8], np.uint8, opset=10, per_channel=False)
    n.layer("Conv", (6, 4, 3, 3), pads=[0, 1, 1, 0])
    n.quantize(0.03)
    return n


@quantized
def q_convolution_relu():
    n = QuantizedNet([1, 3, 8, 8])
    n.layer("Conv", (5, 3, 3, 3))
    n.node("Relu")
    n.quantize(0.02)
    return n


@quantized
def q_convolution_clip():
    n = QuantizedNet([1, 3, 8, 8], np.uint8)
    n.layer("Conv", (5, 3, 3, 3))
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(1.5))])
    n.quantize(0.01)
    return n


@quantized
def q_depthwise_and_pointwise():
    n = QuantizedNet([1, 4, 8, 8])
    n.layer("Conv", (8, 1, 3, 3), group=4, pads=[1, 1, 1, 1])
    n.node("Relu")
    n.quantize(0.01)
    n.layer("Conv", (6, 8, 1, 1))
    n.quantize(0.02)
    return n


@quantized
def q_scales_of_powers_of_two():
    n = QuantizedNet([1, 4, 9, 8], powers=True)
    n.layer("Conv", (6, 4, 3, 3), pads=[1, 1, 1, 1])
    n.quantize(0.02)
    return n


@quantized
def q_sum_of_powers_of_two():
    n = QuantizedNet([1, 4, 5, 5], powers=True)
    short = n.last
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    n.node("Add", [n.last, short])
    n.quantize(0.03)
    return n


@quantized
def q_residual():
    n = QuantizedNet([1, 4, 5, 5])
    short = n.last
    n.layer("Conv", (4, 4, 3, 3), pads=[1, 1, 1, 1])
    n.quantize(0.02)
    n.node("Add", [n.last, short])
    n.node("Relu")
    n.quantize(0.02)
    return n


@quantized
def q_pools_and_classifier():
    n = QuantizedNet([1, 3, 8, 8])
    n.layer("Conv", (4, 3, 3, 3))
    n.node("Relu")
    grid = n.quantize(0.02)
    n.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    n.quantize(0, grid)
    n.node("GlobalAveragePool")
    n.quantize(0.01)
    n.node("Flatten")
    n.quantize(0, n.grid)
    n.layer("Gemm", (5, 4), transB=1)
    n.quantize(0.02)
    return n


@quantized
def q_flattened_image_gemm():
    n = QuantizedNet([1, 3, 4, 2], np.uint8)
    n.node("Reshape", [n.last, n.constant(np.array([1, 24], np.int64))])
    n.layer("Gemm", (5, 24), transB=1)
    n.quantize(0.02)
    return n


@quantized
def q_matrix_product_and_sum():
    n = QuantizedNet([1, 12], np.uint8)
    n.layer("MatMul", (12, 5), axis=1, bias=False)
    n.node("Add", [n.last, n.constant(numbers([5], 8, 64))])
    n.quantize(0.02)
    return n


@quantized
def q_average_pool():
    n = QuantizedNet([1, 3, 6, 6])
    n.node("AveragePool", kernel_shape=[3, 2], strides=[1, 2])
    n.quantize(0.008)
    return n


@quantized
def q_real_bias():
    n = QuantizedNet([1, 3, 6, 6])
    n.layer("Conv", (4, 3, 3, 3), real_bias=True)
    n.quantize(0.02)
    return n


@quantized
def q_change_of_grid():
    n = QuantizedNet([1, 3, 6, 6])
    n.quantize(0.005)
    n.node("Relu")
    n.quantize(0.004)
    return n


@quantized
def q_weights_quantized_in_the_graph():
    n = QuantizedNet([1, 3, 6, 6])
    scales = n.constant(n.scale(0.01, 4))
    zeros = n.constant(np.zeros(4, np.int8))
    x = n.last
    weights = n.constant(RANDOM.normal(0, 0.5, (4, 3, 3, 3)).astype(np.float32))
    n.node("QuantizeLinear", [weights, scales, zeros], axis=0)
    real = n.node("DequantizeLinear", [n.last, scales, zeros], axis=0)
    n.node("Conv", [x, real])
    n.quantize(0.02)
    return n


def qlinear(n, grid):
    n.codes = n.last
    n.grid = grid


@quantized
def q_linear_operators():
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    source = n.grid
    grids = [(n.constant(n.scale(s)), n.constant(np.array(z, np.uint8)))
             for s, z in ((0.02, 70), (0.03, 128), (0.01, 100), (0.02, 120))]
    scale = n.scale(0.01)
    weights = (n.constant(RANDOM.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)),
               n.constant(scale), n.constant(np.array(130, np.uint8)))
    bias = n.constant(RANDOM.integers(-2000, 2000, 4).astype(np.int32))
    first = n.node("QLinearConv", [n.codes, *source, *weights, *grids[0], bias])
    n.node("QLinearAdd", [first, *grids[0], first, *grids[0], *grids[1]], domain="com.microsoft")
    n.node("QLinearGlobalAveragePool", [n.last, *grids[1], *grids[2]], domain="com.microsoft",
           channels_last=0)
    n.node("Reshape", [n.last, n.constant(np.array([1, 4], np.int64))])
    matrix = (n.constant(RANDOM.integers(0, 256, (4, 5)).astype(np.uint8)),
              n.constant(n.scale(0.02)), n.constant(np.array(120, np.uint8)))
    n.node("QLinearMatMul", [n.last, *grids[2], *matrix, *grids[3]])
    qlinear(n, grids[3])
    return n


@quantized
def q_signed_bytes_without_zero_point():
    n = QuantizedNet([1, 3, 6, 5], signed_input=True)
    n.layer("Conv", (4, 3, 3, 3), pads=[1, 1, 1, 1])
    n.quantize(0.02)
    return n


@quantized
def q_zero_points_by_cast():
    """Zero points in int32 behind Cast: PyTorch's fake quantization."""
    n = QuantizedNet([1, 3, 6, 6])
    for about, zero in [(0.02, -17), (0.03, 5)]:
        weights = n.constant(RANDOM.normal(0, 0.5, (3, 3, 3, 3)).astype(np.float32))
        x = n.last
        grid = [n.constant(n.scale(0.01)), n.node("Cast", [n.constant(np.int32(0))], to=TensorProto.INT8)]
        n.node("QuantizeLinear", [weights, *grid])
        n.node("Conv", [x, n.node("DequantizeLinear", [n.last, *grid])])
        x = n.last
        zero = n.node("Cast", [n.constant(np.int64(zero))], to=TensorProto.INT8)
        n.last = x
        n.quantize(0, (n.constant(n.scale(about)), zero))
    return n


@quantized
def q_large_quotient():
    """Scales that are powers of two over one that is none: 2^28 / (24 bits)."""
    n = QuantizedNet([1, 2, 5, 5], powers=True)
    n.quantize(0, (n.constant(np.float32(1)), n.constant(np.array(3, np.int8))))
    n.node("Relu")
    n.quantize(0, (n.constant(np.float32(0.05)), n.constant(np.array(-9, np.int8))))
    return n


@quantized
def q_functions():
    n = QuantizedNet([1, 3, 6, 6])
    for operation, attributes in [
            ("Sigmoid", {}), ("HardSwish", {}), ("LeakyRelu", {"alpha": 0.2}),
            ("HardSigmoid", {"alpha": 0.3}), ("Neg", {}), ("Tanh", {}), ("Elu", {"alpha": 0.7})]:
        n.node(operation, **attributes)
        n.quantize(0.006)
    n.opset = 14
    return n


@quantized
def q_functions_in_parts():
    """Hard swish and swish as exporters without the operators write them."""
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    x = n.last
    n.node("Add", [x, n.constant(np.float32(3))])
    n.node("Clip", [n.last, n.constant(np.float32(0)), n.constant(np.float32(6))])
    n.node("Mul", [x, n.last])
    n.node("Div", [n.last, n.constant(np.float32(6))])
    n.quantize(0.005)
    x = n.last
    n.node("Sigmoid")
    n.node("Mul", [x, n.last])
    n.quantize(0.004)
    n.node("Mul", [n.last, n.constant(numbers([3, 1, 1], 8, 8))])
    n.node("PRelu", [n.last, n.constant(numbers([3, 1, 1], 8, 8))])
    n.quantize(0.003)
    return n


@quantized
def q_difference_product_and_concatenation():
    n = QuantizedNet([1, 4, 5, 5])
    x = n.last
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    y = n.last
    n.node("Sub", [x, y])
    n.quantize(0.02)
    z = n.last
    n.node("Mul", [y, z])
    n.quantize(0.01)
    n.node("Concat", [n.last, x, z], axis=1)
    n.quantize(0.015)
    n.layer("Conv", (3, 12, 3, 3))
    n.quantize(0.03)
    return n


@quantized
def q_squeeze_and_excitation():
    n = QuantizedNet([1, 4, 5, 5], np.uint8)
    x = n.last
    n.node("GlobalAveragePool")
    n.quantize(0.005)
    n.layer("Conv", (4, 4, 1, 1))
    n.quantize(0.02)
    n.node("HardSigmoid")
    n.quantize(0.004)
    n.node("Mul", [x, n.last])
    n.quantize(0.005)
    return n


@quantized
def q_linear_functions():
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    source = n.grid
    grids = [(n.constant(n.scale(s)), n.constant(np.array(z, np.uint8)))
             for s, z in ((0.004, 3), (0.01, 100), (0.005, 90), (0.02, 128))]
    x = n.codes
    first = n.node("QLinearSigmoid", [x, *source, *grids[0]], domain="com.microsoft")
    second = n.node("QLinearLeakyRelu", [x, *source, *grids[1]], domain="com.microsoft", alpha=0.3)
    third = n.node("QLinearMul", [first, *grids[0], second, *grids[1], *grids[2]],
                   domain="com.microsoft")
    n.node("QLinearConcat", [*grids[3], third, *grids[2], first, *grids[0], x, *source],
           domain="com.microsoft", axis=1)
    qlinear(n, grids[3])
    return n


def integers(low, high, shape, kind):
    return RANDOM.integers(low, high, shape).astype(kind)


@quantized
def q_convolution_of_codes():
    """ConvInteger, then the sums as real numbers: times the scales, and a bias."""
    n = QuantizedNet([1, 3, 7, 6], np.uint8)
    weights = n.constant(integers(0, 256, (5, 3, 3, 3), np.uint8))
    n.node("ConvInteger", [n.codes, weights, n.grid[1], n.constant(np.array(117, np.uint8))],
           pads=[1, 0, 1, 2], strides=[1, 2])
    n.node("Cast", to=TensorProto.FLOAT)
    scale = np.float32(n.array(n.grid[0]) * np.float32(0.011))
    n.node("Mul", [n.last, n.constant(scale)])
    bias = (integers(-3000, 3000, (1, 5, 1, 1), np.int32) * scale).astype(np.float32)
    n.node("Add", [n.constant(bias), n.last])
    n.node("Relu")
    n.quantize(0.03)
    return n


@quantized
def q_convolution_of_codes_with_a_scale_a_channel():
    n = QuantizedNet([1, 4, 6, 6], np.uint8)
    weights = n.constant(integers(-63, 64, (8, 1, 3, 3), np.int8))
    n.node("ConvInteger", [n.codes, weights, n.grid[1],
                           n.constant(np.array(-3, np.int8))], group=4)
    n.node("Add", [n.last, n.constant(integers(-900, 900, (8, 1, 1), np.int32))])
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.constant(n.scale(0.0001, (8, 1, 1)))])
    n.node("Clip", [n.last, n.constant(np.float32(-0.4)), n.constant(np.float32(0.8))])
    n.quantize(0.006)
    return n


@quantized
def q_matrix_product_of_codes():
    """Sums times two scales, one after the other, and a difference."""
    n = QuantizedNet([1, 3, 2, 4], np.uint8)
    n.node("Flatten", [n.codes])
    weights = n.constant(integers(0, 256, (24, 5), np.uint8))
    n.node("MatMulInteger", [n.last, weights, n.grid[1],
                             n.constant(integers(100, 150, 5, np.uint8))])
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.grid[0]])
    scale = n.scale(0.01, 5)
    n.node("Mul", [n.constant(scale), n.last])
    units = (n.array(n.grid[0]) * scale).astype(np.float32)
    n.node("Sub", [n.last, n.constant((integers(-999, 999, 5, np.int32) * units).astype(np.float32))])
    n.quantize(0.03)
    return n


@quantized
def q_dequantized_sums_of_codes():
    n = QuantizedNet([1, 3, 6, 6], np.uint8)
    weights = n.constant(integers(-63, 64, (4, 3, 1, 1), np.int8))
    n.node("ConvInteger", [n.codes, weights, n.grid[1]])
    n.node("DequantizeLinear", [n.last, n.constant(n.scale(0.0002))])
    n.quantize(0.02)
    n.node("Relu")
    n.quantize(0, n.grid)
    return n


@quantized
def q_bytes_of_codes():
    """A byte input that ConvInteger reads itself, as ONNX Runtime's quantizer of old left it."""
    n = QuantizedNet([1, 3, 6, 6], np.int8, signed_input=True)
    n.nodes.clear()
    n.kind = TensorProto.UINT8
    n.node("ConvInteger", ["x", n.constant(integers(0, 256, (4, 3, 3, 3), np.uint8)),
                           n.constant(np.array(131, np.uint8)),
                           n.constant(np.array(120, np.uint8))])
    n.node("Cast", to=TensorProto.FLOAT)
    n.node("Mul", [n.last, n.constant(np.float32(0.0001))])
    n.quantize(0.02)
    return n


@quantized
def q_linear_average_pool_and_constants():
    """QOperator forms of ONNX Runtime's quantizer."""
    n = QuantizedNet([1, 3, 8, 6], np.uint8)
    source = n.grid
    grids = [(n.constant(n.scale(s)), n.constant(np.array(z, np.uint8)))
             for s, z in ((0.009, 110), (0.012, 120), (0.02, 90))]
    pooled = n.node("QLinearAveragePool", [n.codes, *source, *grids[0]], domain="com.microsoft",
                    kernel_shape=[3, 2], strides=[2, 2])
    factor = (n.constant(integers(0, 256, (1, 3, 1, 1), np.uint8)), n.constant(n.scale(0.01)),
              n.constant(np.array(77, np.uint8)))
    product = n.node("QLinearMul", [*factor, pooled, *grids[0], *grids[1]], domain="com.microsoft")
    summand = (n.constant(np.array(200, np.uint8)), n.constant(n.scale(0.01)),
               n.constant(np.array(100, np.uint8)))
    n.node("QLinearAdd", [product, *grids[1], *summand, *grids[2]], domain="com.microsoft")
    qlinear(n, grids[2])
    return n


@quantized
def q_batch_normalization_alone():
    """As in front of the layers of a DenseNet, where no layer takes it."""
    n = QuantizedNet([1, 3, 6, 5])
    n.node("BatchNormalization", [n.last] + [n.constant(v.astype(np.float32)) for v in (
        RANDOM.uniform(-1.5, 1.5, 3), RANDOM.normal(0, 0.3, 3), RANDOM.normal(0, 0.3, 3),
        RANDOM.uniform(0.3, 2, 3))], epsilon=1e-3)
    n.node("Relu")
    n.quantize(0.01)
    n.layer("Conv", (4, 3, 3, 3))
    n.quantize(0.02)
    return n


@quantized
def q_bytes_with_mean_and_deviation():
    """A byte image, channels last, that the network makes real numbers of itself."""
    n = QuantizedNet([1, 6, 5, 3], np.int8, signed_input=True)
    n.nodes.clear()
    n.kind = TensorProto.UINT8
    n.node("Cast", ["x"], to=TensorProto.FLOAT)
    n.node("Transpose", perm=[0, 3, 1, 2])
    n.node("Div", [n.last, n.constant(np.float32(255))])
    n.node("Sub", [n.last, n.constant(np.array([0.4, 0.5, 0.6], np.float32).reshape(1, 3, 1, 1))])
    n.node("Div", [n.last, n.constant(np.array([0.2, 0.25, 0.3], np.float32).reshape(3, 1, 1))])
    n.quantize(0.02)
    return n


@quantized
def q_mean_and_deviation_left_out():
    """Real numbers before the image is quantized: the network's input is what comes of them."""
    n = Preparing([1, 3, 8, 6])
    n.layer("Conv", (4, 3, 3, 3))
    n.quantize(0.03)
    return n


class Preparing(QuantizedNet):
    mean = np.array([0.4, 0.5, 0.6], np.float32).reshape(1, 3, 1, 1)
    deviation = np.array([0.2, 0.25, 0.3], np.float32).reshape(1, 3, 1, 1)

    def quantize(self, about, grid=None):
        if not self.nodes:
            self.node("Sub", ["x", self.constant(self.mean)])
            self.node("Div", [self.last, self.constant(self.deviation)])
            self.node("Pad", [self.last, self.constant(np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64)),
                              self.constant(np.float32(0))])
            about = 0.05
        return super().quantize(about, grid)

    def prepare(self, value):
        return (value - self.mean) / self.deviation


@quantized
def q_convolution_and_a_constant():
    n = QuantizedNet([1, 3, 4, 4])
    n.layer("Conv", (4, 3, 3, 3), bias=False, pads=[1, 1, 1, 1])
    n.node("Add", [n.constant(RANDOM.uniform(-0.5, 0.5, (4, 1, 1)).astype(np.float32)), n.last])
    n.node("Relu")
    n.quantize(0.03)
    n.layer("Conv", (2, 4, 1, 1), bias=False)
    n.node("Add", [n.last, n.constant(np.float32(0.3))])
    n.quantize(0.04)
    return n
