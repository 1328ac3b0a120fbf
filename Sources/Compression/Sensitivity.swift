import NeuralGraph

/// How much an error in a layer's output codes moves the network's scores: of each channel the mean over
/// images of the squared derivative of the scores by each code, summed over pixels and scores.
///
/// The scores' derivatives are not taken one by one: a random sign for each score, propagated back, has
/// the same expected square (Hutchinson 1990). Codes at the ends of a clamp have none. The signs come
/// from the image's number alone, so that results are the same everywhere.
struct Sensitivity {
  /// By value index: one number an output channel; empty for values without a derivative.
  let channels: [[Double]]

  /// Nil when an operation between a layer and the scores has no derivative here.
  init?(
    _ graph: QuantizedGraph, images: [IntegerTensor], threads: Int
  ) throws(Diagnostics) {
    let part = graph.truncated(at: graph.scores)
    guard part.nodes.allSatisfy({ $0.operation.hasDerivative }) else { return nil }
    let interpreter = try Interpreter(part)
    let found = try inParallel(images.count, threads: threads) { index throws(Diagnostics) in
      Self.squares(
        part, codes: try interpreter.evaluate(images[index], threads: 1), seed: UInt64(index))
    }
    var sums = found[0]
    for image in found.dropFirst() {
      for value in sums.indices {
        for channel in sums[value].indices { sums[value][channel] += image[value][channel] }
      }
    }
    channels = sums.map { $0.map { $0 / Double(images.count) } }
  }

  private static func squares(
    _ graph: QuantizedGraph, codes: [IntegerTensor], seed: UInt64
  ) -> [[Double]] {
    var gradients = graph.nodes.map { [Float](repeating: 0, count: $0.type.shape.elementCount) }
    let scores = graph.outputs[0]
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0xD1B5_4A32_D192_ED03
    for index in gradients[scores.index].indices {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      gradients[scores.index][index] =
        (state >> 40) & 1 == 0 ? graph[scores].type.scale : -graph[scores].type.scale
    }
    var squares = [[Double]](repeating: [], count: graph.nodes.count)
    for value in graph.values.reversed() {
      let node = graph[value]
      // Codes at an end of the clamp do not move.
      if let clamp = node.operation.clamp {
        for index in gradients[value.index].indices where gradients[value.index][index] != 0 {
          let code = codes[value.index][index]
          if code <= clamp.lowerBound || code >= clamp.upperBound {
            gradients[value.index][index] = 0
          }
        }
      }
      let channels = node.type.shape.channels
      var sums = [Double](repeating: 0, count: channels)
      for (index, gradient) in gradients[value.index].enumerated() where gradient != 0 {
        sums[index % channels] += Double(gradient * gradient)
      }
      squares[value.index] = sums
      for (place, operand) in node.operands.enumerated() {
        propagate(
          node, place, from: gradients[value.index], codes: codes[operand.index],
          operand: graph[operand].type, into: &gradients[operand.index])
      }
      gradients[value.index] = []
    }
    return squares
  }

  private static func propagate(
    _ node: QuantizedNode, _ place: Int, from upper: [Float], codes: IntegerTensor,
    operand: QuantizedType, into lower: inout [Float]
  ) {
    switch node.operation {
    case .convolution(let layer): convolution(layer, from: upper, into: &lower)
    case .fullyConnected(let layer):
      for output in 0..<layer.outputSize where upper[output] != 0 {
        let gradient = upper[output] * Float(layer.requantization[output].real)
        for input in 0..<layer.inputSize {
          lower[input] += gradient * Float(layer.weights[output * layer.inputSize + input])
        }
      }
    case .averagePool(let pool):
      let channels = operand.shape.channels
      forEachCell(pool.geometry) { pixel, cells in
        for channel in 0..<channels where upper[pixel * channels + channel] != 0 {
          let gradient = upper[pixel * channels + channel] / Float(cells.count)
          for cell in cells { lower[cell * channels + channel] += gradient }
        }
      }
    case .maxPool(let pool):
      let channels = operand.shape.channels
      forEachCell(pool.geometry) { pixel, cells in
        for channel in 0..<channels where upper[pixel * channels + channel] != 0 {
          // The first of equal cells.
          var best = cells[0]
          for cell in cells
          where codes[cell * channels + channel] > codes[best * channels + channel] { best = cell }
          let padCode =
            cells.count < pool.geometry.kernelHeight * pool.geometry.kernelWidth
            ? pool.padCode : nil
          if let padCode, Int(codes[best * channels + channel]) < padCode { continue }
          lower[best * channels + channel] += upper[pixel * channels + channel]
        }
      }
    case .mean(let mean):
      // Over height and width.
      let factor = Float(mean.requantization.real)
      let channels = operand.shape.channels
      for index in lower.indices { lower[index] += factor * upper[index % channels] }
    case .add(let add):
      let input = place == 0 ? add.first.real : add.second.real
      let factor = Float(input * Double(1 << QuantizedAdd.leftShift) * add.output.real)
      for index in lower.indices { lower[index] += factor * upper[index] }
    case .rescale(let rescale):
      let factor = Float(rescale.requantization.real)
      for index in lower.indices { lower[index] += factor * upper[index] }
    case .reshape:
      for index in lower.indices { lower[index] += upper[index] }
    default: break
    }
  }

  private static func convolution(
    _ layer: QuantizedConvolution, from upper: [Float], into lower: inout [Float]
  ) {
    let geometry = layer.geometry
    let (depth, rows) = (layer.inputChannelsPerGroup, layer.outputChannelsPerGroup)
    let weights = layer.weights.map(Float.init)
    let factors = layer.requantization.map { Float($0.real) }
    lower.withUnsafeMutableBufferPointer { lower in
      weights.withUnsafeBufferPointer { weights in
        for y in 0..<geometry.outputHeight {
          for x in 0..<geometry.outputWidth {
            let pixel = (y * geometry.outputWidth + x) * layer.outputChannels
            let (inRows, inColumns) = (geometry.rowTaps(y), geometry.columnTaps(x))
            for output in 0..<layer.outputChannels where upper[pixel + output] != 0 {
              let gradient = upper[pixel + output] * factors[output]
              let channel = output / rows * depth
              for ky in inRows {
                let row = y * geometry.strideY - geometry.padTop + ky * geometry.dilationY
                for kx in inColumns {
                  let column = x * geometry.strideX - geometry.padLeft + kx * geometry.dilationX
                  let target = (row * geometry.inputWidth + column) * layer.inputChannels + channel
                  let source =
                    ((output * geometry.kernelHeight + ky) * geometry.kernelWidth + kx) * depth
                  for input in 0..<depth {
                    lower[target + input] += gradient * weights[source + input]
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// The cells inside the image of each window that has any, as pixel numbers.
  private static func forEachCell(
    _ geometry: WindowGeometry, _ body: (_ pixel: Int, _ cells: [Int]) -> Void
  ) {
    for y in 0..<geometry.outputHeight {
      for x in 0..<geometry.outputWidth {
        var cells: [Int] = []
        for ky in geometry.rowTaps(y) {
          for kx in geometry.columnTaps(x) {
            let row = y * geometry.strideY - geometry.padTop + ky * geometry.dilationY
            let column = x * geometry.strideX - geometry.padLeft + kx * geometry.dilationX
            cells.append(row * geometry.inputWidth + column)
          }
        }
        if !cells.isEmpty { body(y * geometry.outputWidth + x, cells) }
      }
    }
  }
}

extension QuantizedOperation {
  /// True when `Sensitivity` knows the operation's derivative.
  fileprivate var hasDerivative: Bool {
    switch self {
    case .input, .convolution, .fullyConnected, .averagePool, .maxPool, .add, .rescale, .reshape:
      true
    case .mean(let mean): mean.axes == [1, 2]
    default: false
    }
  }

  /// The codes that the operation lets through, where it cuts.
  fileprivate var clamp: ClosedRange<Int>? {
    switch self {
    case .convolution(let layer): layer.clamp
    case .fullyConnected(let layer): layer.clamp
    case .averagePool(let pool), .maxPool(let pool): pool.clamp
    case .mean(let mean): mean.clamp
    case .add(let add): add.clamp
    case .rescale(let rescale): rescale.clamp
    default: nil
    }
  }
}
