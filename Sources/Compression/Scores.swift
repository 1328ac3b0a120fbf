import NeuralGraph

extension QuantizedGraph {
  /// The value whose codes are the classes' scores: the first output, or what a softmax there reads.
  var scores: ValueID {
    var value = outputs[0]
    while true {
      switch self[value].operation {
      case .softmax, .reshape: value = self[value].operands[0]
      default: return value
      }
    }
  }

  /// The network up to a value, which becomes its only output. Values keep their numbers.
  func truncated(at value: ValueID) -> QuantizedGraph {
    var result = QuantizedGraph(name: name)
    for id in values where id <= value { _ = result.append(self[id]) }
    result.outputs = [value]
    return result
  }

  /// The real numbers of `scores` for each image.
  func scores(
    of images: [IntegerTensor], threads: Int
  ) throws(Diagnostics) -> [[Float]] {
    let graph = truncated(at: scores)
    let interpreter = try Interpreter(graph)
    let type = graph[scores].type
    return try inParallel(images.count, threads: threads) { index throws(Diagnostics) in
      try interpreter.outputs(for: images[index], threads: 1)[0].codes.map {
        type.scale * Float($0 - type.zeroPoint)
      }
    }
  }
}

/// The mean over images of the squared difference of scores.
func distortion(_ scores: [[Float]], from reference: [[Float]]) -> Double {
  var sum = 0.0
  for (a, b) in zip(scores, reference) {
    for (x, y) in zip(a, b) { sum += Double((x - y) * (x - y)) }
  }
  return sum / Double(max(1, scores.count))
}
