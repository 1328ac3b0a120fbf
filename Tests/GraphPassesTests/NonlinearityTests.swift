import GraphPasses
import NeuralGraph
import Testing

@Suite("Functions of one number") struct NonlinearityTests {
  /// relu6(x + 3) behind an input of 1x2x2x1; `finish` makes the outputs of x and of it.
  private func cut(
    _ finish: (inout FloatNetworkBuilder, NodeID, NodeID) throws -> [NodeID]
  ) throws -> Graph {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let shifted = try b.add("shifted", .binary(.add), x, try b.scalar(3))
    let cut = try b.add("cut", .activation(.relu6), shifted)
    let outputs = try finish(&b, x, cut)
    var graph = b.network(outputs[0])
    graph.outputs = outputs
    return graph
  }

  @Test("x * relu6(x + 3) / 6 is hard swish in any order of its factors")
  func hardSwish() throws {
    let graphs = [
      try cut { b, x, cut in
        let product = try b.add("product", .binary(.multiply), x, cut)
        return [try b.add("y", .binary(.divide), product, try b.scalar(6))]
      },
      try cut { b, x, cut in
        let gate = try b.add("gate", .binary(.multiply), try b.scalar(1 / 6), cut)
        return [try b.add("y", .binary(.multiply), gate, x)]
      },
      try cut { b, x, cut in
        let gate = try b.add("gate", .binary(.divide), cut, try b.scalar(6))
        return [try b.add("y", .binary(.multiply), x, gate)]
      },
    ]
    for graph in graphs {
      let found = try graph.after("recognize-nonlinearities")
      #expect(found.operationNames == ["input", "hard swish"])
      let x = FloatTensor(shape: TensorShape([1, 2, 2, 1]), values: [-5, -1.5, 1, 4])
      let (wanted, result) = (try graph.evaluate([x])[0], try found.evaluate([x])[0])
      #expect(zip(wanted.values, result.values).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test("What is read elsewhere, or by another factor, is no hard swish")
  func notHardSwish() throws {
    let read = try cut { b, x, cut in
      let product = try b.add("product", .binary(.multiply), x, cut)
      return [try b.add("y", .binary(.divide), product, try b.scalar(6)), cut]
    }
    #expect(!(try read.after("recognize-nonlinearities").operationNames.contains("hard swish")))
    let fifth = try cut { b, x, cut in
      let product = try b.add("product", .binary(.multiply), x, cut)
      return [try b.add("y", .binary(.divide), product, try b.scalar(5))]
    }
    #expect(!(try fifth.after("recognize-nonlinearities").operationNames.contains("hard swish")))
  }

  @Test("x * sigmoid(x) is swish, also with the factors exchanged")
  func swish() throws {
    for isFirst in [true, false] {
      var b = FloatNetworkBuilder()
      let x = try b.input(2, 2, 1)
      let gate = try b.add("gate", .nonlinearity(.sigmoid), x)
      let y =
        isFirst
        ? try b.add("y", .binary(.multiply), gate, x)
        : try b.add("y", .binary(.multiply), x, gate)
      let found = try b.network(y).after("recognize-nonlinearities")
      #expect(found.operationNames == ["input", "swish"])
    }
  }

  @Test("A calibrated function is a table of the numbers that its codes stand for")
  func table() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 2, 2)
    let y = try b.add("y", .nonlinearity(.leakyRelu(slopes: [0.5, -1])), x)
    let image = FloatTensor(shape: TensorShape([1, 1, 2, 2]), values: [0, 255, 64, 200])
    let graph = try quantizedGraph(
      from: .float(b.network(y)),
      options: QuantizationOptions(
        calibration: [image], inputNormalization: InputNormalization(low: -4, high: 4)))
    guard case .table(let table) = graph.nodes[1].operation else {
      Issue.record("no table")
      return
    }
    #expect(table.function == .prelu && table.codes.count == 512)
    let (input, output) = (graph.nodes[0].type, graph.nodes[1].type)
    for (channel, slope) in [(0, 0.5), (1, -1.0)] {
      for code in [-128, -60, 0, 1, 127] {
        let real = Double(input.scale) * Double(code - input.zeroPoint)
        let wanted = (real >= 0 ? real : slope * real) / Double(output.scale)
        let rounded = Int(wanted.rounded(.toNearestOrAwayFromZero)) + output.zeroPoint
        let found = table.code(code, channel: channel, element: .int8)
        #expect(found == min(127, max(-128, rounded)))
      }
    }
  }

  @Test("A concatenation brings its operands to one grid, a product broadcasts a pixel")
  func branches() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 2)
    let pixel = try b.add("pixel", .mean(axes: [1, 2], keepsDimensions: true), x)
    let product = try b.add("product", .binary(.multiply), x, pixel)
    let difference = try b.add("difference", .binary(.subtract), product, x)
    let joined = try b.add("joined", .concatenation(axis: 3), product, difference)
    let image = FloatTensor(
      shape: TensorShape([1, 2, 2, 2]), values: [0, 255, 64, 200, 13, 90, 255, 128])
    let range = try #require(InputNormalization(low: -1, high: 1))
    let graph = try quantizedGraph(
      from: .float(b.network(joined)),
      options: QuantizationOptions(calibration: [image], inputNormalization: range))
    #expect(graph.verify().isEmpty)
    let codes = IntegerTensor(
      shape: image.shape, element: .int8, codes: image.values.map { Int($0) - 128 })
    let output = try graph.evaluate(codes)[graph.outputs[0].index]
    let type = graph[graph.outputs[0]].type
    let wanted = try b.network(joined).evaluate([range.normalized(image, .int8)])[0]
    for (code, real) in zip(output.codes, wanted.values) {
      #expect(abs(Float(code - type.zeroPoint) * type.scale - real) < 4 * type.scale)
    }
  }
}
