import NeuralGraph

/// The weighted sums of a fully connected layer, or of a convolution as large as its map, taken step by
/// step: a few multipliers, the weights in a ROM (`df_serial_accumulator`).
///
/// A pixel's codes stand in a row. A step multiplies the first `unroll` of them with weights of `lanes`
/// outputs; then the row moves on. When the row has gone round once, the next group of outputs follows.
public struct SerialSums: Hashable, Sendable {
  /// The map, all of which is one window.
  public var height: Int
  public var width: Int
  /// The input channels in the row, those that are carried.
  public var channels: [Int]
  /// Bits of a code in the row, which holds the codes of all channels, and whether it is signed.
  public var codeBits: Int
  public var isSigned: Bool
  /// The output channels that have a sum, in the order of the lanes.
  public var outputs: [Int]
  /// By pixel, channel, output, each in the orders above.
  public var weights: [Int16]
  /// Bits of a signed weight.
  public var weightBits: Int
  /// Bits that hold every sum.
  private var leastSumBits: Int
  /// Outputs and codes that are worked on at once.
  public private(set) var lanes = 1
  public private(set) var unroll = 1

  /// Outputs of one lane.
  public var groups: Int { (outputs.count + lanes - 1) / lanes }
  /// Steps of a group, and of a pixel.
  public var groupSteps: Int { (channels.count + unroll - 1) / unroll }
  public var steps: Int { groups * groupSteps }
  /// Levels of the tree that adds a lane's products up.
  var levels: Int { Self.levels(unroll) }
  /// Cycles from a frame's last step to its sums.
  public var drain: Int { levels + 3 }
  public var multipliers: Int { lanes * unroll }
  /// Bits of a sum, and of what is added up on the way, in the accumulators.
  public var sumBits: Int { max(codeBits + weightBits + levels, leastSumBits) }

  static func levels(_ terms: Int) -> Int {
    Int.bitWidth - max(0, terms - 1).leadingZeroBitCount
  }

  /// Words of the ROM, in the order of the steps, and their bits.
  public var words: Int { height * width * steps }
  public var wordBits: Int { multipliers * weightBits }
  /// Bits that hold every word's address.
  var addressBits: Int { max(1, Int.bitWidth - (words - 1).leadingZeroBitCount) }

  var kind: StageTiming.Kind {
    .serial(height: height, width: width, steps: steps, drain: drain)
  }

  /// A word's weights, the first output's of the first code lowest; 0 where a lane or the row ends.
  func word(_ address: Int) -> [Int] {
    let (pixel, step) = address.quotientAndRemainder(dividingBy: steps)
    let (group, turn) = step.quotientAndRemainder(dividingBy: groupSteps)
    return (0..<multipliers).map { place in
      let output = group * lanes + place / unroll
      let code = turn * unroll + place % unroll
      guard output < outputs.count, code < channels.count else { return 0 }
      return Int(weights[(pixel * channels.count + code) * outputs.count + output])
    }
  }

  /// The sum of output channel `output` over a map of codes in row, column, channel order.
  func sum(of output: Int, _ map: [Int], mapChannels: Int) -> Int {
    guard let place = outputs.firstIndex(of: output) else {
      preconditionFailure("output channel \(output) has no sum")
    }
    var sum = 0
    for pixel in 0..<height * width {
      for (code, channel) in channels.enumerated() {
        sum +=
          Int(weights[(pixel * channels.count + code) * outputs.count + place])
          * map[pixel * mapChannels + channel]
      }
    }
    return sum
  }
}

extension SerialSums {
  /// True for a layer whose one window is the whole map.
  static func canTake(_ layer: QuantizedConvolution) -> Bool {
    let geometry = layer.geometry
    return layer.groups == 1 && layer.adaptation == nil && geometry.outputHeight == 1
      && geometry.outputWidth == 1 && geometry.padTop == 0 && geometry.padLeft == 0
      && geometry.kernelHeight == geometry.inputHeight
      && geometry.kernelWidth == geometry.inputWidth
  }

  /// The sums of a layer for which `canTake` holds, by one multiplier; nil when no input channel is
  /// carried, or no output.
  init?(_ layer: QuantizedConvolution, input: PixelFormat, outputs: [Channel]) {
    height = input.height
    width = input.width
    channels = input.liveChannels
    self.outputs = outputs.indices.filter { !outputs[$0].isConstant }
    guard let first = channels.first, !self.outputs.isEmpty else { return nil }
    let codes = channels.reduce(input.channels[first].interval) {
      $0.union(input.channels[$1].interval)
    }
    codeBits = codes.bitCount
    isSigned = codes.isSigned
    weights = []
    weights.reserveCapacity(height * width * channels.count * self.outputs.count)
    for row in 0..<height {
      for column in 0..<width {
        for channel in channels {
          for output in self.outputs {
            weights.append(
              Int16(layer.weight(output: output, y: row, x: column, inputChannel: channel)))
          }
        }
      }
    }
    let range = (weights.min()!, weights.max()!)
    weightBits = max(
      2, (min(0, Int(range.0))...max(0, Int(range.1))).union(-1...0).bitCount)
    leastSumBits = 1
    for interval in intervals(input) {
      leastSumBits = max(leastSumBits, interval.union(-1...0).bitCount)
    }
  }

  /// Takes as many multipliers as leave a pixel at most `budget` steps.
  mutating func fit(budget: Int) {
    precondition(budget >= 1, "a pixel takes a step at least")
    if channels.count <= budget {
      unroll = 1
      let groups = min(outputs.count, budget / channels.count)
      lanes = (outputs.count + groups - 1) / groups
    } else {
      unroll = (channels.count + budget - 1) / budget
      lanes = outputs.count
    }
  }

  /// The interval of each output's sum, in the order of `outputs`.
  func intervals(_ input: PixelFormat) -> [Interval] {
    var lows = [Int](repeating: 0, count: outputs.count)
    var highs = lows
    var index = 0
    for _ in 0..<height * width {
      for channel in channels {
        let codes = input.channels[channel].interval
        for output in outputs.indices {
          let weight = Int(weights[index])
          index += 1
          lows[output] += weight * (weight > 0 ? codes.lowerBound : codes.upperBound)
          highs[output] += weight * (weight > 0 ? codes.upperBound : codes.lowerBound)
        }
      }
    }
    return zip(lows, highs).map { $0...$1 }
  }
}
