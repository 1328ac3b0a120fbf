import NeuralGraph

/// Every window of the network without the taps that see nothing but pads (`QuantizedOperation.trimmed`),
/// and max pools without a pad's code that no code of their map is below.
/// Nodes and values stay the same, element by element. `graph` must be valid (`QuantizedGraph.verify`).
public func trimWindows(_ graph: QuantizedGraph) -> QuantizedGraph {
  let trimmed = graph.replacing(
    Dictionary(uniqueKeysWithValues: graph.values.map { ($0, graph[$0].operation.trimmed) }))
  guard trimmed.nodes.contains(where: { $0.operation.padCode != nil }) else { return trimmed }
  let intervals = trimmed.channelIntervals()
  var pools: [ValueID: QuantizedOperation] = [:]
  for (id, node) in zip(trimmed.values, trimmed.nodes) {
    if case .maxPool(var pool) = node.operation, let code = pool.padCode,
      intervals.codes[node.operands[0].index].allSatisfy({ $0.lowerBound >= code })
    {
      pool.padCode = nil
      pools[id] = .maxPool(pool)
    }
  }
  return trimmed.replacing(pools)
}

extension QuantizedOperation {
  /// The code outside a max pool's image that counts.
  fileprivate var padCode: Int? {
    if case .maxPool(let pool) = self { pool.padCode } else { nil }
  }

  /// A convolution or a pool without the rows and columns of its window that lie outside the image at
  /// every position: a 3x3 window with SAME pads over a map of one pixel becomes a 1x1 window. Others as
  /// they are.
  ///
  /// A convolution reads the zero point there, which adds nothing, and pools look at the image alone, or
  /// read a code that becomes the least result.
  /// Which taps see the image is asked of `WindowGeometry.rowTaps` and `columnTaps` for every position.
  public var trimmed: QuantizedOperation {
    switch self {
    case .convolution(let convolution): return .convolution(RTL.trimmed(convolution))
    case .averagePool(var pool):
      pool.geometry = Trim(pool.geometry).geometry
      return .averagePool(pool)
    case .maxPool(var pool):
      let trimmed = Trim(pool.geometry).geometry
      if let code = pool.padCode, trimmed != pool.geometry {
        // The taps that go are in the pad at every position.
        let (low, high) = (pool.clamp.lowerBound, pool.clamp.upperBound)
        pool.clamp = min(max(low, code), high)...high
      }
      pool.geometry = trimmed
      if !trimmed.leavesImage { pool.padCode = nil }
      return .maxPool(pool)
    default: return self
    }
  }
}

private func trimmed(_ convolution: QuantizedConvolution) -> QuantizedConvolution {
  let trim = Trim(convolution.geometry)
  guard trim.geometry != convolution.geometry else { return convolution }
  var result = convolution
  result.geometry = trim.geometry
  result.weights = []
  result.weights.reserveCapacity(
    convolution.outputChannels * trim.rows.count * trim.columns.count
      * convolution.inputChannelsPerGroup)
  for output in 0..<convolution.outputChannels {
    for y in trim.rows {
      for x in trim.columns {
        for channel in 0..<convolution.inputChannelsPerGroup {
          result.weights.append(
            Int16(convolution.weight(output: output, y: y, x: x, inputChannel: channel)))
        }
      }
    }
  }
  return result
}

/// What stays of a window.
private struct Trim {
  /// Taps of the old kernel.
  var rows: Range<Int>
  var columns: Range<Int>
  var geometry: WindowGeometry

  init(_ old: WindowGeometry) {
    rows = Self.seen(
      (0..<old.outputHeight).lazy.map(old.rowTaps), pad: old.padTop, dilation: old.dilationY,
      kernel: old.kernelHeight)
    columns = Self.seen(
      (0..<old.outputWidth).lazy.map(old.columnTaps), pad: old.padLeft, dilation: old.dilationX,
      kernel: old.kernelWidth)
    geometry = old
    geometry.kernelHeight = rows.count
    geometry.kernelWidth = columns.count
    geometry.padTop -= rows.lowerBound * old.dilationY
    geometry.padLeft -= columns.lowerBound * old.dilationX
  }

  /// The taps from the first to the last that see the image at any position, and so many more that the
  /// first position's window still reaches the image's first pixel, as hardware wants it.
  private static func seen(
    _ taps: some Sequence<Range<Int>>, pad: Int, dilation: Int, kernel: Int
  ) -> Range<Int> {
    var first = min(pad / dilation, kernel - 1)
    var end = 0
    for range in taps where !range.isEmpty {
      first = min(first, range.lowerBound)
      end = max(end, range.upperBound)
    }
    let left = pad - first * dilation
    let reaching = first + (left + dilation - 1) / dilation + 1
    return first..<min(kernel, max(end, reaching))
  }
}
