import AdderGraph
import NeuralGraph

/// Turns pools, means, rescales and tables into datapaths. Each channel is by itself; constant channels
/// are settled by the caller.
struct PoolLowering {
  let input: PixelFormat
  let output: PixelFormat
  private var builder = DatapathBuilder()

  init(input: PixelFormat, output: PixelFormat) {
    self.input = input
    self.output = output
  }

  /// What a rounding function of a code, or of a sum of codes, is around: it rounds differently for
  /// the two signs of the argument plus `bias`.
  struct Rounding {
    var bias = 0
    /// Of TFLite's multiplier; nil for a division.
    var exponent: Int?
  }

  /// A function of each channel's pixel alone; `rounding` says where it rounds.
  mutating func lowerPointwise(
    windowed: Bool, _ rounding: Rounding, _ function: (Int) -> Int
  ) -> DatapathBuilder {
    lowerEach { channel, interval, range, builder in
      let x = Self.code(of: channel, windowed: windowed, interval, &builder)
      return builder.appendRequantizer(
        of: Datapath.Operand(x), bias: rounding.bias, channel: channel, clamp: range,
        exponent: rounding.exponent
      ) { function($0 - rounding.bias) }
    }
  }

  /// The code of each channel's pixel by a table.
  mutating func lowerTables(windowed: Bool, _ table: (Int) -> CodeTable) -> DatapathBuilder {
    lowerEach { channel, interval, range, builder in
      let x = Self.code(of: channel, windowed: windowed, interval, &builder)
      return builder.append("y\(channel)", .table(x, table(channel)), range)
    }
  }

  /// A channel's pixel.
  private static func code(
    of channel: Int, windowed: Bool, _ interval: Interval, _ builder: inout DatapathBuilder
  ) -> SignalID {
    windowed
      ? builder.input(.tap(channel: channel, row: 0, column: 0), "x\(channel)_r0c0", interval)
      : builder.input(.pixel(channel: channel), "x\(channel)", interval)
  }

  /// A function of each channel's sum over the whole map of `count` pixels; `rounding` says where it
  /// rounds.
  mutating func lowerWholeMap(
    count: Int, _ rounding: Rounding, _ function: (Int) -> Int
  ) -> DatapathBuilder {
    lowerEach { channel, interval, range, builder in
      let total = interval.scaled(by: count)
      // While a frame is added up the accumulator holds sums of fewer pixels.
      let sum = builder.input(.sum(channel: channel), "sum\(channel)", total.union(interval))
      return builder.appendRequantizer(
        of: Datapath.Operand(sum), bias: rounding.bias, channel: channel, domain: total,
        clamp: range, exponent: rounding.exponent
      ) { function($0 - rounding.bias) }
    }
  }

  /// TFLite MAX_POOL_2D: the maximum of the cells inside the image, clamped.
  mutating func lowerMaximum(_ pool: QuantizedPool) -> DatapathBuilder {
    var masks = TapMasks(pool.geometry)
    return lowerEach { channel, interval, range, builder in
      // Where they do not count, taps outside the image are the channel's least value, which changes no
      // maximum.
      let outside = pool.padCode ?? interval.lowerBound
      var taps = masks.taps(of: channel, interval, outside: outside, &builder)
      let codes = interval.union(outside...outside)
      var number = 0
      while taps.count > 1 {
        var next: [SignalID] = []
        for index in stride(from: 0, to: taps.count - 1, by: 2) {
          number += 1
          next.append(
            builder.append(
              "max\(channel)_\(number)", .maximum(taps[index], taps[index + 1]), codes))
        }
        if taps.count % 2 == 1 { next.append(taps[taps.count - 1]) }
        taps = next
      }
      return builder.append("y\(channel)", .saturate(taps[0], shift: 0, clamp: pool.clamp), range)
    }
  }

  /// TFLite AVERAGE_POOL_2D: `clamp(half-away(sum / n))`, n the number of cells inside the image.
  mutating func lowerAverage(_ pool: QuantizedPool) -> DatapathBuilder {
    var masks = TapMasks(pool.geometry)
    let counts = masks.counts
    return lowerEach { channel, interval, range, builder in
      let taps = masks.taps(of: channel, interval, outside: 0, &builder)
      let ones = ConstantMatrix(
        inputs: taps.count, outputs: 1, values: Array(repeating: 1, count: taps.count))
      let graph = AdderGraph.optimise(ones)
      let problems = graph.verify(equals: ones)
      precondition(problems.isEmpty, "the adder graph is not the sum: \(problems)")
      guard let sum = builder.appendSums(graph, on: taps)[0] else {
        preconditionFailure("a pool has at least one tap")
      }
      // One quotient for each number of cells that some window has inside the image.
      var quotients: [Int: SignalID] = [:]
      for count in Set(counts.rows.flatMap { row in counts.columns.map { row * $0 } }).sorted() {
        let quotient = builder.appendRequantizer(
          of: sum, bias: 0, channel: channel, domain: interval.scaled(by: count), clamp: range
        ) { averageCode(sum: $0, count: count, clamp: pool.clamp) }
        builder.rename(quotient, "mean\(channel)_n\(count)")
        quotients[count] = quotient
      }
      let result = masks.select(&builder, name: "sel\(channel)") { rows, columns in
        quotients[rows * columns]!
      }
      builder.rename(result, "y\(channel)")
      return result
    }
  }

  private mutating func lowerEach(
    _ body: (
      _ channel: Int, _ interval: Interval, _ range: Interval, inout DatapathBuilder
    ) -> SignalID
  ) -> DatapathBuilder {
    var outputs: [SignalID] = []
    for channel in input.channels.indices where !output.channels[channel].isConstant {
      outputs.append(
        body(
          channel, input.channels[channel].interval, output.channels[channel].interval, &builder))
    }
    builder.setOutputs(outputs)
    return builder
  }
}

/// TFLite's average of `count` codes: nearest, halves away from zero, clamped.
func averageCode(sum: Int, count: Int, clamp: ClosedRange<Int>) -> Int {
  let rounded = sum >= 0 ? (sum + count / 2) / count : (sum - count / 2) / count
  return min(max(rounded, clamp.lowerBound), clamp.upperBound)
}
