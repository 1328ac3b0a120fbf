import NeuralGraph

/// Exact per-channel intervals of a layer's output, from those of its input: which channels are
/// constant, how wide the others are.
struct ChannelAnalysis {
  /// The interval of each output channel's sum (weights times input codes, without the bias).
  var sums: [Interval]
  /// `bias - z_x * sum(weights)`: what the sum lacks to be TFLite's accumulator. Without the bias for an
  /// adaptive convolution.
  var biases: [Int]
  var outputs: [Channel]

  /// A convolution, or with a 1x1 window a fully connected layer. `requantize` is TFLite's
  /// function of (channel, accumulator), monotone in the accumulator.
  init(
    _ convolution: QuantizedConvolution, input: PixelFormat, requantize: (Int, Int) -> Int
  ) {
    let geometry = convolution.geometry
    let reach = WindowReach(geometry)
    let perGroup = convolution.inputChannelsPerGroup
    sums = []
    biases = []
    outputs = []
    // A tap's interval: the channel's, and the zero point where the tap can leave the image. The
    // constant channels of a tap leave the image together, so they count as one number inside and
    // one outside: they may cancel.
    let inside = input.channels.map(\.interval)
    let atBorder = inside.map { $0.union(input.zeroPoint...input.zeroPoint) }
    for output in 0..<convolution.outputChannels {
      let firstInput = output / convolution.outputChannelsPerGroup * perGroup
      var low = 0
      var high = 0
      var total = 0
      var index = output * geometry.kernelHeight * geometry.kernelWidth * perGroup
      for row in 0..<geometry.kernelHeight {
        for column in 0..<geometry.kernelWidth {
          let canLeave = reach.canLeave(row: row, column: column)
          let intervals = canLeave ? atBorder : inside
          var fixed = (inside: 0, outside: 0)
          for channel in firstInput..<firstInput + perGroup {
            let weight = Int(convolution.weights[index])
            index += 1
            if weight == 0 { continue }
            total += weight
            if case .constant(let value) = input.channels[channel] {
              fixed.inside += weight * value
              fixed.outside += weight * input.zeroPoint
              continue
            }
            let interval = intervals[channel]
            if weight > 0 {
              low += weight * interval.lowerBound
              high += weight * interval.upperBound
            } else {
              low += weight * interval.upperBound
              high += weight * interval.lowerBound
            }
          }
          low += canLeave ? min(fixed.inside, fixed.outside) : fixed.inside
          high += canLeave ? max(fixed.inside, fixed.outside) : fixed.inside
        }
      }
      sums.append(low...high)
      if convolution.adaptation != nil {
        // Whatever the registers hold: the bias is one of them.
        biases.append(-input.zeroPoint * total)
        outputs.append(Self.channel(convolution.clamp.lowerBound, convolution.clamp.upperBound))
        continue
      }
      let bias = Int(convolution.bias[output]) - input.zeroPoint * total
      biases.append(bias)
      outputs.append(
        Self.channel(requantize(output, low + bias), requantize(output, high + bias)))
    }
  }

  static func channel(_ low: Int, _ high: Int) -> Channel {
    low == high ? .constant(low) : .live(low...high)
  }
}
