import Estimation
import Testing

@Suite("NVDLA")
struct NVDLATests {
  private func rate(_ configuration: NVDLAConfiguration) throws -> Double {
    try #require(NVDLAPerformance(configuration, LayerShape.resNet50).framesPerSecond).middle
  }

  @Test("ResNet-50 has its published size: 3.86 GMAC, 25.5 million weights")
  func resNet50() {
    // He et al., Table 1: 3.8 x 10^9 multiply-adds; parameters without biases and batch norm.
    let macs = LayerShape.resNet50.reduce(0) { $0 + $1.multiplyAccumulates }
    let weights = LayerShape.resNet50.reduce(0) { $0 + $1.weights }
    #expect(macs == 3_857_973_248)
    #expect(weights == 25_502_912)
  }

  @Test("2048 multipliers at 10 GB/s run ResNet-50 at the spreadsheet's 140.6 frames a second")
  func spreadsheet() throws {
    let largest = try #require(NVDLAConfiguration.published.last)
    let rate = try rate(largest.with(bandwidth: 10))
    #expect(abs(rate / 140.6 - 1) < 0.005, "\(rate)")
  }

  @Test(
    "each published configuration comes within 15 % of its published ResNet-50 rate",
    arguments: NVDLAConfiguration.published)
  func primer(configuration: NVDLAConfiguration) throws {
    let deviation = try rate(configuration) / configuration.publishedResNet50 - 1
    #expect(abs(deviation) < 0.15, "\(configuration.name): \(100 * deviation) %")
  }

  @Test("the deviations that docs/estimation.md shows are those of the model")
  func documented() throws {
    let expected = [8.29, 20.49, 47.45, 94.9, 156.73, 268.6]
    for (configuration, value) in zip(NVDLAConfiguration.published, expected) {
      #expect(abs(try rate(configuration) / value - 1) < 0.001, "\(configuration.name)")
    }
  }

  @Test("an array's two sides make its multipliers")
  func arrays() {
    for configuration in NVDLAConfiguration.published {
      #expect(
        configuration.atomicChannels * configuration.atomicKernels == configuration.multipliers)
    }
  }

  /// 14x14x256 in and out.
  private func layer(groups: Int, kernel: Int = 3, stride: Int = 1) -> LayerShape {
    LayerShape(
      name: "layer", kind: .convolution, inputHeight: 14, inputWidth: 14, inputChannels: 256,
      outputHeight: 14 / stride, outputWidth: 14 / stride, outputChannels: 256,
      kernelHeight: kernel, kernelWidth: kernel, strideY: stride, strideX: stride, groups: groups)
  }

  @Test("a depthwise layer uses one multiplier in atomicChannels")
  func depthwise() throws {
    for configuration in NVDLAConfiguration.published {
      let cost = configuration.cost(of: layer(groups: 256))
      let products = 14 * 14 * 256 * 9
      #expect(
        cost.multiplierCycles
          == products * configuration.atomicChannels / configuration.multipliers)
    }
  }

  @Test("groups as wide as the array waste nothing")
  func wideGroups() throws {
    let configuration = try #require(NVDLAConfiguration.published.last)
    // 4 groups of 64 channels and 64 kernels on 64 x 32 multipliers.
    let cost = configuration.cost(of: layer(groups: 4))
    #expect(cost.multiplierCycles == 14 * 14 * 9 * 4 * 2)
  }

  @Test("a 3x3 layer of stride 1 is 2.25 times as fast as its products, by Winograd")
  func winograd() throws {
    let configuration = try #require(NVDLAConfiguration.published.last)
    let plain = 14 * 14 * 256 * 256 * 9 / 2048
    #expect(
      configuration.cost(of: layer(groups: 1)).multiplierCycles
        == Int((Double(plain) / 2.25).rounded(.up)))
    #expect(
      configuration.cost(of: layer(groups: 1, stride: 2)).multiplierCycles == plain / 4)
  }

  @Test("weights that do not fit make the input be read again")
  func residency() throws {
    var shape = layer(groups: 1)
    shape.outputChannels = 512
    // 256 x 3 x 3 x 512 x 16/9 = 2,048 KB of weights, 49 KB of input: all of the input fits beside
    // 16 kernels (64 KB) in 128 KB and in 512 KB alike, and is read once.
    let small = try #require(NVDLAConfiguration.published.first)
    let once = 256 * 14 * 14 + 2_097_152 + 512 * 14 * 14
    #expect(small.cost(of: shape).dramBytes == once)
    // Sixteen times the pixels: neither fits.
    shape.inputHeight = 56
    shape.inputWidth = 56
    #expect(small.cost(of: shape).dramBytes > once + 256 * (56 * 56 - 14 * 14))
  }

  @Test("absurd layers end in large numbers, not in a trap")
  func absurd() {
    let huge = 1 << 31
    let shape = LayerShape(
      name: "", kind: .convolution, inputHeight: huge, inputWidth: huge, inputChannels: huge,
      outputHeight: huge, outputWidth: huge, outputChannels: huge, kernelHeight: huge,
      kernelWidth: huge, strideY: huge, strideX: huge)
    for configuration in NVDLAConfiguration.published {
      let performance = NVDLAPerformance(configuration, [shape, shape, shape])
      #expect(performance.cycles > 0)
    }
    #expect(shape.multiplyAccumulates > 0)
  }

  @Test("ResNet-50's energy is its published mean power over its time, both ends alike")
  func energy() throws {
    for configuration in NVDLAConfiguration.published {
      let performance = NVDLAPerformance(configuration, LayerShape.resNet50)
      let energy = performance.energy16
      #expect(abs(energy.high / energy.low - 1) < 1e-12)
      #expect(
        abs(energy.middle / (configuration.averagePower * 1e3 * performance.seconds) - 1) < 1e-12)
    }
  }

  @Test("DRAM costs its energy a byte")
  func dram() throws {
    let configuration = try #require(NVDLAConfiguration.published.last)
    let performance = NVDLAPerformance(configuration, LayerShape.resNet50)
    let energy = performance.dramEnergy(picojoulesPerByte: 120, source: "FixyNN")
    #expect(abs(energy.middle - Double(performance.dramBytes) * 120e-6) < 1e-6)
  }
}
