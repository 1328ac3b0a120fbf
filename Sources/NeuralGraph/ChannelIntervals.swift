/// What every channel of every value of a network can be: exact interval arithmetic, channel by
/// channel, from the input's codes to the last accumulator.
///
/// "Exact" means: for a linear operator the interval's two ends are sums of the operand channels'
/// own ends, over each set of taps that some output position sees inside the image (outside it a
/// tap sees the zero point and adds nothing). They are reached when the operand's elements are
/// free to take any code of their intervals. Requantization and clamps are monotone, so they map
/// ends to ends.
public struct ChannelIntervals: Hashable, Sendable {
  /// By value index, then channel (the innermost index): the codes that the value can take.
  public internal(set) var codes: [[ClosedRange<Int>]]
  /// By value index, then channel: the accumulator before requantization of a convolution, a
  /// fully connected layer, a mean, an addition (the sum of the two scaled inputs) and of a
  /// rescale (x - z_x); empty for other operations.
  public internal(set) var accumulators: [[ClosedRange<Int>]]

  /// True when one channel of a value is the same code in every element of every image.
  public func isConstant(_ value: ValueID, channel: Int) -> Bool {
    let interval = codes[value.index][channel]
    return interval.lowerBound == interval.upperBound
  }
}

extension QuantizedGraph {
  /// The intervals of all values, for an input whose channels take the codes of `input` (all codes
  /// of the input's type when nil). The graph's structure must be valid (`verifyStructure`); where
  /// an accumulator leaves int32 the result is taken to be the whole clamp range.
  ///
  /// With `anyParameters` they hold whatever the weights, biases and scales of convolutions and fully
  /// connected layers become (pruning, adaptive batch norm): a layer's codes are its clamp, and it has no
  /// accumulators.
  public func channelIntervals(
    input: [ClosedRange<Int>]? = nil, anyParameters: Bool = false
  ) -> ChannelIntervals {
    var result = ChannelIntervals(codes: [], accumulators: [])
    result.codes.reserveCapacity(nodes.count)
    for node in nodes {
      let operands = node.operands.map { (type: self[$0].type, codes: result.codes[$0.index]) }
      if anyParameters, let clamp = node.operation.layerClamp {
        result.codes.append(Array(repeating: clamp, count: node.type.shape.channels))
        result.accumulators.append([])
        continue
      }
      let (codes, accumulators) = node.intervals(operands: operands, input: input)
      result.codes.append(codes)
      result.accumulators.append(accumulators)
    }
    return result
  }
}

extension QuantizedOperation {
  /// The clamp of a layer that has weights; nil for any other operation.
  fileprivate var layerClamp: ClosedRange<Int>? {
    switch self {
    case .convolution(let convolution): convolution.clamp
    case .fullyConnected(let layer): layer.clamp
    default: nil
    }
  }
}

/// What an accumulator may hold: TFLite's kernels wrap at 32 bits.
let int32Range = Int(Int32.min)...Int(Int32.max)

extension ClosedRange where Bound == Int {
  /// The smallest interval that contains both.
  func hull(_ other: ClosedRange<Int>) -> ClosedRange<Int> {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }

  /// True when every value of `other` is in this interval.
  func covers(_ other: ClosedRange<Int>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }

  /// The interval of `factor * x`.
  func scaled(by factor: Int) -> ClosedRange<Int> {
    factor >= 0
      ? lowerBound * factor...upperBound * factor : upperBound * factor...lowerBound * factor
  }

  /// The interval of `x + offset`.
  func shifted(by offset: Int) -> ClosedRange<Int> {
    lowerBound + offset...upperBound + offset
  }

  /// The interval of `x` cut to `limits`.
  func clamped(into limits: ClosedRange<Int>) -> ClosedRange<Int> {
    let low = Swift.min(Swift.max(lowerBound, limits.lowerBound), limits.upperBound)
    return low...Swift.min(Swift.max(upperBound, low), limits.upperBound)
  }
}

extension FixedPointMultiplier {
  /// True when this multiplier may be applied to every accumulator of `interval`: neither the
  /// accumulator nor `accumulator << max(0, exponent)` leaves int32.
  /// ONNX's exact arithmetic takes 50 bits.
  public func accepts(_ interval: ClosedRange<Int>) -> Bool {
    if isExact { return FixedPointMultiplier.exactRange.covers(interval) }
    let left = max(0, exponent)
    guard left < 31, int32Range.covers(interval) else { return multiplier == 0 && left < 31 }
    return int32Range.covers(interval.scaled(by: 1 << left))
  }

  /// The exact interval of the requantized code, or nil when `accepts` is false.
  func image(
    of interval: ClosedRange<Int>, zeroPoint: Int, clamp: ClosedRange<Int>
  ) -> ClosedRange<Int>? {
    guard isExact || int32Range.covers(interval), accepts(interval) else { return nil }
    return (apply(interval.lowerBound)...apply(interval.upperBound))
      .shifted(by: zeroPoint).clamped(into: clamp)
  }
}

extension QuantizedNode {
  typealias Operand = (type: QuantizedType, codes: [ClosedRange<Int>])

  /// The codes and accumulators of this node's value from its operands' codes.
  fileprivate func intervals(
    operands: [Operand], input: [ClosedRange<Int>]?
  ) -> (codes: [ClosedRange<Int>], accumulators: [ClosedRange<Int>]) {
    let channels = type.shape.channels
    func requantized(
      _ accumulators: [ClosedRange<Int>], _ clamp: ClosedRange<Int>,
      _ image: (Int) -> ClosedRange<Int>?
    ) -> (codes: [ClosedRange<Int>], accumulators: [ClosedRange<Int>]) {
      (accumulators.indices.map { image($0) ?? clamp }, accumulators)
    }
    let zero = type.zeroPoint
    switch operation {
    case .input:
      return (input ?? Array(repeating: type.element.range, count: channels), [])
    case .convolution(let convolution):
      var accumulators = convolution.accumulatorIntervals(centred(operands[0]))
      if let adaptation = convolution.adaptation {
        // Whatever the registers hold.
        for channel in accumulators.indices {
          let sums = accumulators[channel].shifted(by: -Int(convolution.bias[channel]))
          accumulators[channel] =
            sums.lowerBound + adaptation.biases.lowerBound...sums.upperBound
            + adaptation.biases.upperBound
        }
        return (Array(repeating: convolution.clamp, count: channels), accumulators)
      }
      return requantized(accumulators, convolution.clamp) {
        convolution.requantization[$0].image(
          of: accumulators[$0], zeroPoint: zero, clamp: convolution.clamp)
      }
    case .fullyConnected(let layer):
      let inputs = reshapedIntervals(centred(operands[0]), channels: layer.inputSize)
      let accumulators = layer.accumulatorIntervals(inputs)
      return requantized(accumulators, layer.clamp) {
        layer.image(of: accumulators[$0], output: $0, zeroPoint: zero)
      }
    case .averagePool(let pool), .maxPool(let pool):
      return (operands[0].codes.map { pool.image(of: $0) }, [])
    case .mean(let mean):
      let accumulators = mean.accumulatorIntervals(
        centred(operands[0]), shape: operands[0].type.shape, outputChannels: channels)
      return requantized(accumulators, mean.clamp) {
        mean.requantization.image(of: accumulators[$0], zeroPoint: zero, clamp: mean.clamp)
      }
    case .add(let add):
      let accumulators = add.accumulatorIntervals(
        centred(operands[0]), centred(operands[1]), channels: channels)
      return requantized(accumulators, add.clamp) {
        add.output.image(of: accumulators[$0], zeroPoint: zero, clamp: add.clamp)
      }
    case .multiply(let multiply):
      let accumulators = multiply.accumulatorIntervals(
        centred(operands[0]), centred(operands[1]), channels: channels)
      return requantized(accumulators, multiply.clamp) {
        multiply.requantization.image(of: accumulators[$0], zeroPoint: zero, clamp: multiply.clamp)
      }
    case .table(let table):
      let element = operands[0].type.element
      return (
        operands[0].codes.enumerated().map {
          table.image(of: $0.element, channel: $0.offset, element: element)
        }, []
      )
    case .concatenation(let concatenation):
      guard concatenation.axis < type.shape.rank - 1 else {
        return (operands.flatMap(\.codes), [])
      }
      return (
        (0..<channels).map { channel in
          operands.dropFirst().reduce(operands[0].codes[channel]) { $0.hull($1.codes[channel]) }
        }, []
      )
    case .rescale(let rescale):
      let accumulators = centred(operands[0])
      return requantized(accumulators, rescale.clamp) {
        rescale.requantization.image(of: accumulators[$0], zeroPoint: zero, clamp: rescale.clamp)
      }
    case .pad(let pad):
      return (pad.codes(operands[0].codes, fill: pad.code ?? zero, channels: channels), [])
    case .reshape:
      return (reshapedIntervals(operands[0].codes, channels: channels), [])
    case .softmax, .l2Normalization:
      return (Array(repeating: type.element.range, count: channels), [])
    }
  }

  /// The intervals of `x - z_x`.
  private func centred(_ operand: Operand) -> [ClosedRange<Int>] {
    operand.codes.map { $0.shifted(by: -operand.type.zeroPoint) }
  }
}

/// The intervals of a tensor's channels after its innermost extent becomes `channels`: channel c
/// holds the old channels congruent to c modulo the greatest common divisor of both counts.
private func reshapedIntervals(
  _ intervals: [ClosedRange<Int>], channels: Int
) -> [ClosedRange<Int>] {
  var (a, divisor) = (intervals.count, channels)
  while a != 0 { (a, divisor) = (divisor % a, a) }
  var classes = Array(intervals[0..<divisor])
  for (channel, interval) in intervals.enumerated() {
    classes[channel % divisor] = classes[channel % divisor].hull(interval)
  }
  return (0..<channels).map { classes[$0 % divisor] }
}

extension QuantizedConvolution {
  /// The exact accumulator interval of each output channel when input channel c, minus its zero
  /// point, lies in `centred[c]`: the hull over the sets of taps that output positions see.
  public func accumulatorIntervals(_ centred: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    let rowRanges = geometry.vertical.distinctTaps
    let columnRanges = geometry.horizontal.distinctTaps
    let (rows, columns) = (geometry.kernelHeight, geometry.kernelWidth)
    // Prefix sums over the kernel of the taps' lowest and highest products.
    var low = [Int](repeating: 0, count: (rows + 1) * (columns + 1))
    var high = low
    return (0..<outputChannels).map { output in
      let firstInput = output / outputChannelsPerGroup * inputChannelsPerGroup
      var index = output * rows * columns * inputChannelsPerGroup
      for row in 0..<rows {
        for column in 0..<columns {
          var (tapLow, tapHigh) = (0, 0)
          for channel in firstInput..<firstInput + inputChannelsPerGroup {
            let product = centred[channel].scaled(by: Int(weights[index]))
            tapLow += product.lowerBound
            tapHigh += product.upperBound
            index += 1
          }
          let here = (row + 1) * (columns + 1) + column + 1
          let above = here - columns - 1
          low[here] = tapLow + low[here - 1] + low[above] - low[above - 1]
          high[here] = tapHigh + high[here - 1] + high[above] - high[above - 1]
        }
      }
      var result: ClosedRange<Int>?
      for row in rowRanges {
        for column in columnRanges {
          let a = row.lowerBound * (columns + 1)
          let b = row.upperBound * (columns + 1)
          let (c, d) = (column.lowerBound, column.upperBound)
          let interval =
            low[b + d] - low[b + c] - low[a + d]
            + low[a + c]...high[b + d] - high[b + c] - high[a + d] + high[a + c]
          result = result?.hull(interval) ?? interval
        }
      }
      return (result ?? 0...0).shifted(by: Int(bias[output]))
    }
  }
}

extension QuantizedFullyConnected {
  /// The exact accumulator interval of each output; `centred` holds the interval of `x - z_x` of
  /// each of the `inputSize` inputs.
  public func accumulatorIntervals(_ centred: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    (0..<outputSize).map { output in
      var (low, high) = (Int(bias[output]), Int(bias[output]))
      for input in 0..<inputSize {
        let product = centred[input].scaled(by: Int(weights[output * inputSize + input]))
        low += product.lowerBound
        high += product.upperBound
      }
      return low...high
    }
  }

  /// The exact interval of one output's code, or nil when the accumulator or the requantized value
  /// leaves int32.
  func image(of interval: ClosedRange<Int>, output: Int, zeroPoint: Int) -> ClosedRange<Int>? {
    guard int32Range.covers(interval) else { return nil }
    let multiplier = requantization[output]
    let scaled = (multiplier.apply(interval.lowerBound)...multiplier.apply(interval.upperBound))
      .shifted(by: zeroPoint)
    return int32Range.covers(scaled) ? scaled.clamped(into: clamp) : nil
  }
}

extension QuantizedMean {
  /// Number of cells that one output averages.
  public func cellCount(of shape: TensorShape) -> Int {
    axes.reduce(1) { $0 * shape.dimensions[$1] }
  }

  /// The interval of `sum (x - z_x)` of each output channel.
  func accumulatorIntervals(
    _ centred: [ClosedRange<Int>], shape: TensorShape, outputChannels: Int
  ) -> [ClosedRange<Int>] {
    let cells = cellCount(of: shape)
    guard axes.contains(shape.rank - 1) else { return centred.map { $0.scaled(by: cells) } }
    let repeats = cells / shape.channels
    let low = centred.reduce(0) { $0 + $1.lowerBound } * repeats
    let high = centred.reduce(0) { $0 + $1.upperBound } * repeats
    return Array(repeating: low...high, count: outputChannels)
  }
}

extension QuantizedAdd {
  /// An input's share of the sum: `Rq((x - z) 2^20)`.
  @inline(__always)
  func scaled(_ centred: Int, _ multiplier: FixedPointMultiplier) -> Int {
    multiplier.apply(centred << QuantizedAdd.leftShift)
  }

  /// The interval of the sum of both scaled inputs of each channel; an operand of one channel is
  /// that of all.
  func accumulatorIntervals(
    _ a: [ClosedRange<Int>], _ b: [ClosedRange<Int>], channels: Int
  ) -> [ClosedRange<Int>] {
    func ends(
      _ list: [ClosedRange<Int>], _ channel: Int, _ multiplier: FixedPointMultiplier
    ) -> ClosedRange<Int> {
      let interval = list[list.count == 1 ? 0 : channel]
      let low = scaled(interval.lowerBound, multiplier)
      let high = scaled(interval.upperBound, multiplier)
      return min(low, high)...max(low, high)
    }
    return (0..<channels).map { channel in
      let (x, y) = (ends(a, channel, first), ends(b, channel, second))
      return x.lowerBound + y.lowerBound...x.upperBound + y.upperBound
    }
  }
}

extension QuantizedMultiply {
  /// The interval of the product of each channel; an operand of one channel is that of all.
  func accumulatorIntervals(
    _ a: [ClosedRange<Int>], _ b: [ClosedRange<Int>], channels: Int
  ) -> [ClosedRange<Int>] {
    (0..<channels).map { channel in
      let (x, y) = (a[a.count == 1 ? 0 : channel], b[b.count == 1 ? 0 : channel])
      return x.scaled(by: y.lowerBound).hull(x.scaled(by: y.upperBound))
    }
  }
}

extension QuantizedTable {
  /// The least and the greatest code that a channel's table has within an interval of codes.
  func image(
    of interval: ClosedRange<Int>, channel: Int, element: QuantizedElement
  ) -> ClosedRange<Int> {
    var result: ClosedRange<Int>?
    for code in interval {
      let value = self.code(code, channel: channel, element: element)
      result = result?.hull(value...value) ?? value...value
    }
    return result ?? 0...0
  }
}

extension QuantizedPad {
  /// The codes of the padded tensor's channels.
  func codes(
    _ codes: [ClosedRange<Int>], fill: Int, channels: Int
  ) -> [ClosedRange<Int>] {
    let last = before.count - 1
    let padsSpace = before.dropLast().contains { $0 > 0 } || after.dropLast().contains { $0 > 0 }
    let fill = fill...fill
    return (0..<channels).map { channel in
      let source = channel - before[last]
      guard codes.indices.contains(source) else { return fill }
      return padsSpace ? codes[source].hull(fill) : codes[source]
    }
  }
}
