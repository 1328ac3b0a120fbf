import NeuralGraph

/// What calibration sees: the range of each activation, and the mean input of each weight.
struct ActivationStatistics: Sendable {
  /// By node: the least and the greatest number of its tensor, 0.0 included.
  private(set) var ranges: [(low: Float, high: Float)]
  /// By node: the greatest number of each channel, at least 0.0.
  private(set) var channelMaxima: [[Float]]
  /// By layer: the mean over all windows and images of what each tap of each input channel reads
  /// ([taps][channels]; 0.0 outside the image).
  private var inputs: [[Double]]
  private let graph: Graph

  /// Evaluates the network on each image, in order. Throws when a number leaves binary32.
  init(
    _ graph: Graph, images: some Collection<FloatTensor>
  ) throws(Diagnostics) {
    var ranges = Array(repeating: (low: Float(0), high: Float(0)), count: graph.nodes.count)
    var inputs = [[Double]](repeating: [], count: graph.nodes.count)
    var maxima = [[Float]](repeating: [], count: graph.nodes.count)
    let readers = graph.readers
    do {
      for image in images {
        _ = try graph.evaluate([image]) { id, tensor in
          guard let (low, high) = tensor.range else {
            throw Diagnostic(
              "a calibration image gives a number that is infinite or none",
              node: graph[id].name,
              remedy: "check the model, and its input's range (--input-range)")
          }
          ranges[id.index] = (min(ranges[id.index].low, low), max(ranges[id.index].high, high))
          tensor.raise(&maxima[id.index])
          for reader in readers[id.index] where graph[reader].operands.first == id {
            graph[reader].addInputSums(of: tensor, to: &inputs[reader.index])
          }
        }
      }
    } catch let diagnostic as Diagnostic {
      throw Diagnostics(diagnostic)
    } catch {
      preconditionFailure("evaluation throws diagnostics only: \(error)")
    }
    for id in graph.ids where !inputs[id.index].isEmpty {
      let windows = Double(graph[id].windowCount * images.count)
      for index in inputs[id.index].indices { inputs[id.index][index] /= windows }
    }
    self.ranges = ranges
    channelMaxima = maxima
    self.inputs = inputs
    self.graph = graph
  }

  /// The mean output of each channel of a layer with other weights: `weight` is asked for each
  /// index of the filter.
  func mean(of layer: NodeID, channels: Int, weight: (Int) -> Double) -> [Double] {
    let node = graph[layer]
    let inputChannels = graph[node.operands[0]].shape.channels
    var groups = 1
    if case .convolution(let convolution) = node.operation { groups = convolution.groups }
    let (depth, outputs) = (inputChannels / groups, channels / groups)
    let means = inputs[layer.index]
    var result = [Double](repeating: 0, count: channels)
    for index in 0..<(means.count / inputChannels * depth * channels) {
      let (row, channel) = index.quotientAndRemainder(dividingBy: channels)
      let (tap, offset) = row.quotientAndRemainder(dividingBy: depth)
      let input = channel / outputs * depth + offset
      result[channel] += weight(index) * means[tap * inputChannels + input]
    }
    return result
  }
}

extension FloatTensor {
  /// Raises the maximum of each channel, the innermost index, to what this tensor holds.
  fileprivate func raise(_ maxima: inout [Float]) {
    let channels = shape.channels
    if maxima.isEmpty { maxima = Array(repeating: 0, count: channels) }
    for (index, value) in values.enumerated() {
      maxima[index % channels] = max(maxima[index % channels], value)
    }
  }

  /// The least and the greatest value, or nil when one is infinite or not a number.
  fileprivate var range: (Float, Float)? {
    var (low, high): (Float, Float) = (.infinity, -.infinity)
    for value in values {
      guard value.isFinite else { return nil }
      low = min(low, value)
      high = max(high, value)
    }
    return values.isEmpty ? (0, 0) : (low, high)
  }
}

extension Node {
  /// The times that each weight is used on one image.
  fileprivate var windowCount: Int {
    switch operation {
    case .convolution(let convolution):
      convolution.geometry.outputHeight * convolution.geometry.outputWidth
    default: shape.dimensions[0]
    }
  }

  /// Adds, for each tap and input channel of a layer, what it reads in all windows.
  fileprivate func addInputSums(of tensor: FloatTensor, to sums: inout [Double]) {
    let channels = tensor.shape.channels
    switch operation {
    case .matrixMultiplication:
      if sums.isEmpty { sums = Array(repeating: 0, count: channels) }
      for (index, value) in tensor.values.enumerated() { sums[index % channels] += Double(value) }
    case .convolution(let convolution):
      let window = convolution.geometry
      if sums.isEmpty {
        sums = Array(
          repeating: 0, count: window.kernelHeight * window.kernelWidth * channels)
      }
      for ky in 0..<window.kernelHeight {
        let rows = window.rows(tap: ky)
        for kx in 0..<window.kernelWidth {
          let base = (ky * window.kernelWidth + kx) * channels
          let columns = window.columns(tap: kx)
          for row in rows {
            for column in columns {
              let pixel = (row * window.inputWidth + column) * channels
              for channel in 0..<channels {
                sums[base + channel] += Double(tensor.values[pixel + channel])
              }
            }
          }
        }
      }
    default: return
    }
  }
}

extension WindowGeometry {
  /// The image's rows that a tap reads, over all windows.
  fileprivate func rows(tap: Int) -> [Int] {
    (0..<outputHeight).map { $0 * strideY - padTop + tap * dilationY }
      .filter { (0..<inputHeight).contains($0) }
  }

  /// The image's columns that a tap reads, over all windows.
  fileprivate func columns(tap: Int) -> [Int] {
    (0..<outputWidth).map { $0 * strideX - padLeft + tap * dilationX }
      .filter { (0..<inputWidth).contains($0) }
  }
}
