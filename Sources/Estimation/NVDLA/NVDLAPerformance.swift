import NeuralGraph

/// What one layer costs on an NVDLA: the performance spreadsheet's model, and this project's rules
/// where the spreadsheet has none.
///
/// The spreadsheet's, for C x H x W in, K x A x B out, R x S taps, strides sv, sh, without second-level
/// SRAM:
/// - MAC cycles = ceil16(C sh sv) A B ceil128(K) R S / (sh sv) / multipliers, by 2.25 less for 3x3 at
///   stride 1 (Winograd);
/// - input KB = ceil16(C sh sv) ceil(H/sv) ceil(W/sh), output KB = A B ceil16(K), weight KB =
///   ceil16(C sh sv) ceil(R/sv) ceil(S/sh) K, times 16/9 for Winograd, a fully connected layer's shared by
///   a batch of 16;
/// - all weights stay in the convolution buffer if they fit beside the least input that can be worked on
///   (ceil(R/sv) rows), or all input beside the least weights (16 kernels); else whichever
///   reloading reads less;
/// - a layer takes as long as the slower of multipliers and DRAM.
///
/// This project's:
/// - **Depthwise and grouped convolutions**: the array multiplies `atomicChannels` channels with all of
///   `atomicKernels` kernels, so as many groups share one operation as fit both ways, dense, with
///   zeros off the diagonal: min(atomicChannels / (C/g), atomicKernels / (K/g)) groups, at least 1. An
///   operation costs ceil(channels / atomicChannels) ceil(kernels / atomicKernels) cycles a tap and
///   output pixel, and stores ceil16(channels) weights a kernel and tap. No Winograd.
/// - **Sums**: the other operand's map is read while the layer before waits.
/// - **Pools**: a pass of their own that reads and writes its map.
public struct NVDLALayerCost: Hashable, Sendable, Codable {
  /// Cycles in which the multipliers work.
  public var multiplierCycles: Int
  /// Cycles that DRAM needs for `dramBytes`.
  public var dramCycles: Int
  /// Bytes that cross to DRAM and back.
  public var dramBytes: Int

  /// Cycles that the layer takes.
  public var cycles: Int { max(multiplierCycles, dramCycles) }
}

extension NVDLAConfiguration {
  /// What `layer` costs.
  public func cost(of layer: LayerShape) -> NVDLALayerCost {
    let sizes = Sizes(layer)
    let output = sizes.outputPixels * ceiling(sizes.outputChannels, 16)
    let cycles: Double
    let traffic: Double
    switch layer.kind {
    case .elementwise: (cycles, traffic) = (0, output)
    case .pool:
      (cycles, traffic) = (0, ceiling(sizes.inputChannels, 16) * sizes.inputPixels + output)
    case .convolution where layer.groups > 1:
      let grouped = groupedCost(layer, sizes)
      cycles = grouped.cycles
      traffic = grouped.bytesRead + output
    case .convolution, .fullyConnected:
      let dense = denseCost(layer, sizes)
      cycles = dense.cycles
      traffic = dense.bytesRead + output
    }
    // At most 10^15, so that sums of hostile layers stay inside `Int`.
    func whole(_ value: Double) -> Int { Int(min(1e15, value.rounded(.up))) }
    return NVDLALayerCost(
      multiplierCycles: whole(cycles),
      dramCycles: whole(traffic.rounded(.up) * Self.clock / (bandwidth * 1e9)),
      dramBytes: whole(traffic))
  }

  /// A layer's lengths as numbers whose products do not overflow.
  private struct Sizes {
    var inputChannels, outputChannels, inputPixels, outputPixels, taps: Double

    init(_ layer: LayerShape) {
      inputChannels = Double(layer.inputChannels)
      outputChannels = Double(layer.outputChannels)
      inputPixels = Double(layer.inputHeight) * Double(layer.inputWidth)
      outputPixels = Double(layer.outputHeight) * Double(layer.outputWidth)
      taps = Double(layer.kernelHeight) * Double(layer.kernelWidth)
    }
  }

  /// The spreadsheet's rule.
  private func denseCost(
    _ layer: LayerShape, _ sizes: Sizes
  ) -> (cycles: Double, bytesRead: Double) {
    let strides = Double(layer.strideX) * Double(layer.strideY)
    let channels = ceiling(sizes.inputChannels * strides, 16)
    let isWinograd =
      layer.kernelHeight == 3 && layer.kernelWidth == 3 && strides == 1 && !layer.isDilated
    let products =
      channels * sizes.outputPixels * ceiling(sizes.outputChannels, 128) * sizes.taps / strides
    let columns = quotient(Double(layer.inputWidth), Double(layer.strideX))
    let rows = quotient(Double(layer.inputHeight), Double(layer.strideY))
    let kernelRows = quotient(Double(layer.kernelHeight), Double(layer.strideY))
    let kernel =
      channels * kernelRows * quotient(Double(layer.kernelWidth), Double(layer.strideX))
    let read = bytesRead(
      input: channels * rows * columns,
      weights: kernel * sizes.outputChannels * (isWinograd ? 16.0 / 9 : 1)
        / (layer.kind == .fullyConnected ? 16 : 1),
      leastInput: channels * columns * kernelRows, leastWeights: 16 * kernel)
    return (products / Double(multipliers) / (isWinograd ? 2.25 : 1), read)
  }

  /// The rule for groups.
  private func groupedCost(
    _ layer: LayerShape, _ sizes: Sizes
  ) -> (cycles: Double, bytesRead: Double) {
    let inputs = max(1, layer.inputChannels / layer.groups)
    let outputs = max(1, layer.outputChannels / layer.groups)
    let together = max(1, min(atomicChannels / inputs, atomicKernels / outputs))
    let operations = quotient(Double(layer.groups), Double(together))
    let channels = Double(together) * Double(inputs)
    let kernels = Double(together) * Double(outputs)
    let cycles =
      operations * sizes.taps * sizes.outputPixels * quotient(channels, Double(atomicChannels))
      * quotient(kernels, Double(atomicKernels))
    let weights = kernels * ceiling(channels, 16) * sizes.taps
    let row = ceiling(sizes.inputChannels, 16) * Double(layer.inputWidth)
    let read = bytesRead(
      input: row * Double(layer.inputHeight), weights: operations * weights,
      leastInput: row * Double(layer.kernelHeight), leastWeights: weights)
    return (cycles, read)
  }

  /// Bytes of input and weights that are read, the smaller set resident or the cheaper one reloaded.
  private func bytesRead(
    input: Double, weights: Double, leastInput: Double, leastWeights: Double
  ) -> Double {
    let buffer = Double(bufferKilobytes * 1024)
    if weights <= buffer - leastInput || input <= buffer - leastWeights { return input + weights }
    // Where not even the least of the other fits, it passes through a quarter of the buffer.
    let room = { (least: Double) in max(buffer - least, buffer / 4) }
    let reloadedInput = input * quotient(weights, room(leastInput)) + weights
    let reloadedWeights = weights * quotient(input, room(leastWeights)) + input
    return min(reloadedInput, reloadedWeights)
  }

  private func quotient(_ a: Double, _ b: Double) -> Double { (a / b).rounded(.up) }
  private func ceiling(_ a: Double, _ b: Double) -> Double { quotient(a, b) * b }
}

/// What a sequence of layers costs on an NVDLA, a frame.
public struct NVDLAPerformance: Hashable, Sendable, Codable {
  public var configuration: NVDLAConfiguration
  public var cycles: Int
  public var multiplierCycles: Int
  public var dramBytes: Int
  /// Multiply-accumulates of the layers.
  public var multiplyAccumulates: Int

  public init(_ configuration: NVDLAConfiguration, _ layers: some Sequence<LayerShape>) {
    self.configuration = configuration
    (cycles, multiplierCycles, dramBytes, multiplyAccumulates) = (0, 0, 0, 0)
    for layer in layers {
      let cost = configuration.cost(of: layer)
      cycles += cost.cycles
      multiplierCycles += min(cost.multiplierCycles, cost.cycles)
      dramBytes += cost.dramBytes
      multiplyAccumulates += layer.multiplyAccumulates
    }
  }

  /// Seconds a frame.
  public var seconds: Double { Double(cycles) / NVDLAConfiguration.clock }
  /// The share of time in which the multipliers work; 0 for no layers.
  public var utilization: Double {
    cycles == 0 ? 0 : Double(multiplierCycles) / Double(cycles)
  }

  /// Frames a second; the provenance of a model.
  public var framesPerSecond: Quantity? {
    cycles == 0
      ? nil
      : Quantity(
        1 / seconds, .framesPerSecond,
        Provenance(.modelled, NVDLAConfiguration.performanceSource))
  }

  /// Energy of the accelerator a frame at 16 nm, uJ, DRAM aside.
  ///
  /// Published is the mean power on ResNet-50. One end takes it as the power whatever the layers do, the
  /// other as in proportion to the multipliers' share of the time, with ResNet-50's as the measure.
  public var energy16: Quantity {
    let reference = NVDLAPerformance(configuration, LayerShape.resNet50)
    let constant = configuration.averagePower * 1e-3 * seconds * 1e6
    let proportional = constant * utilization / reference.utilization
    return Quantity(
      low: min(constant, proportional), high: max(constant, proportional), .microjoule,
      Provenance(.modelled, [NVDLAConfiguration.source, NVDLAConfiguration.performanceSource]))
  }

  /// Energy of DRAM accesses a frame, uJ, at `picojoulesPerByte`.
  public func dramEnergy(picojoulesPerByte: Double, source: String) -> Quantity {
    Quantity(
      Double(dramBytes) * picojoulesPerByte * 1e-6, .microjoule,
      Provenance(.modelled, [NVDLAConfiguration.performanceSource, source]))
  }
}
