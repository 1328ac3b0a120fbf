import NeuralGraph

/// Takes rows and columns off the windows of convolutions and pools that lie outside the image at every
/// position of the window: a 3x3 window with SAME pads over a map of one pixel becomes a 1x1 window.
///
/// A convolution reads the zero point there, which adds nothing, and pools look at the image alone.
/// Which taps see the image is asked of `WindowGeometry.rowTaps` and `columnTaps` for every position.
/// Nodes and values stay the same, element by element. `graph` must be valid (`QuantizedGraph.verify`).
public func trimWindows(_ graph: QuantizedGraph) -> QuantizedGraph {
  var result = QuantizedGraph(name: graph.name)
  for node in graph.nodes {
    var node = node
    switch node.operation {
    case .convolution(let convolution):
      node.operation = .convolution(trimmed(convolution))
    case .averagePool(var pool):
      pool.geometry = Trim(pool.geometry).geometry
      node.operation = .averagePool(pool)
    case .maxPool(var pool):
      pool.geometry = Trim(pool.geometry).geometry
      node.operation = .maxPool(pool)
    default: break
    }
    _ = result.append(node)
  }
  result.outputs = graph.outputs
  return result
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
      (0..<old.outputHeight).lazy.map(old.rowTaps), pad: old.padTop, dilation: old.dilationY)
    columns = Self.seen(
      (0..<old.outputWidth).lazy.map(old.columnTaps), pad: old.padLeft, dilation: old.dilationX)
    geometry = old
    geometry.kernelHeight = rows.count
    geometry.kernelWidth = columns.count
    geometry.padTop -= rows.lowerBound * old.dilationY
    geometry.padLeft -= columns.lowerBound * old.dilationX
  }

  /// The taps from the first to the last that see the image at any position; one where none does. The
  /// first moves no farther than the pad: windows begin at the image's edge or before it.
  private static func seen(
    _ taps: some Sequence<Range<Int>>, pad: Int, dilation: Int
  ) -> Range<Int> {
    var seen: Range<Int>?
    for range in taps where !range.isEmpty {
      let old = seen ?? range
      seen =
        min(old.lowerBound, range.lowerBound)..<max(old.upperBound, range.upperBound)
    }
    guard let seen else { return 0..<1 }
    return min(seen.lowerBound, pad / dilation)..<seen.upperBound
  }
}
