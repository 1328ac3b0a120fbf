import NeuralGraph
import RTL
import Simulation
import Testing

/// Parameter files of adaptive batch norm.
@Suite struct BatchNormParametersTests {
  /// The small design with multipliers that are those of its scales: 1/256, 1/128 and 1/64.
  private static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "tiny")
    for id in SmallDesign.graph.values {
      var node = SmallDesign.graph[id]
      if case .convolution(var layer) = node.operation {
        layer.weightScales = [0.00390625, 0.0078125, 0.015625]
        layer.requantization = layer.weightScales.map { FixedPointMultiplier(real: Double($0)) }
        node.operation = .convolution(layer)
      }
      _ = graph.append(node)
    }
    graph.outputs = SmallDesign.graph.outputs
    return try! graph.adapting([ValueID(1)], scaleBits: 31)
  }()
  private static let description = DesignDescription(
    try! Freeze.design(graph, options: FreezeOptions()), rtlFiles: [], simulationFiles: [])

  /// The trained file, real numbers or integers, changed.
  private static func file(
    isReal: Bool = true, _ change: (inout BatchNormParameters) -> Void = { _ in }
  ) -> BatchNormParameters {
    var file = BatchNormParameters(trained: description, graph, isReal: isReal)
    change(&file)
    return file
  }

  private static func values(_ file: BatchNormParameters) throws(Diagnostics) -> BatchNormValues {
    try file.values(description, graph, file: "p.json")
  }

  @Test("trained real numbers become the trained integers, and both survive their file")
  func trained() throws {
    let trained = BatchNormValues(trained: try #require(Self.description.registerMap), Self.graph)
    for isReal in [false, true] {
      let file = Self.file(isReal: isReal)
      #expect(try Self.values(file) == trained)
      #expect(try BatchNormParameters(json: file.encode(), file: "p.json") == file)
    }
    #expect(try Self.values(Self.file { $0.layers = [] }) == trained)
  }

  @Test("scale and offset become multiplier and bias of the network that they mean")
  func scaled() throws {
    let values = try Self.values(
      Self.file {
        $0.layers[0].scale![1] = 0.5
        $0.layers[0].offset![1] = 3.25
      })
    // Units of 0.5 / 128 * 0.5: 3.25 is 1664 of them; the multiplier is a unit by 0.5.
    #expect(values.layers[0][1].bias == 1664)
    #expect(values.layers[0][1].multiplier == FixedPointMultiplier(real: 0.00390625))
    let trained = BatchNormValues(trained: Self.description.registerMap!, Self.graph)
    #expect(values.layers[0][0] == trained.layers[0][0])
    let network = values.network(Self.description.registerMap!, Self.graph)
    guard case .convolution(let layer) = network[ValueID(1)].operation else {
      Issue.record("the adaptive layer is a convolution")
      return
    }
    #expect(layer.bias[1] == 1664)
    #expect(layer.requantization[1] == FixedPointMultiplier(real: 0.00390625))
  }

  @Test("what the registers cannot hold is refused, with its reason and the file")
  func refused() {
    let cases: [(change: (inout BatchNormParameters) -> Void, expected: String)] = [
      ({ $0.layers[0].scale![2] = -0.5 }, "is below zero"),
      ({ $0.layers[0].scale![2] = 1e30 }, "which is not below one"),
      ({ $0.layers[0].scale![2] = .nan }, "a number that is not finite"),
      ({ $0.layers[0].offset![2] = .infinity }, "a number that is not finite"),
      ({ $0.layers[0].scale![2] = 0 }, "the scale 0 and an offset"),
      ({ $0.layers[0].offset![2] = 1e6 }, "does not fit its register"),
      ({ $0.layers[0].offset![2] = 1e300 }, "do not fit the registers"),
      ({ $0.layers[0].scale!.removeLast() }, "has 2 numbers for 3 channels"),
      ({ $0.layers[0].offset = nil }, "and not both"),
      ({ $0.layers[0].bias = [0, 0, 0] }, "and not both"),
      ({ $0.layers[0].layer = "other" }, "has no adaptive layer 'other'"),
      ({ $0.layers.append($0.layers[0]) }, "it is there twice"),
      ({ $0.design = "another" }, "it is for the design 'another'"),
    ]
    for (change, expected) in cases {
      let found = #expect(throws: Diagnostics.self) { _ = try Self.values(Self.file(change)) }
      #expect(found?.description.contains(expected) == true, "\(found?.description ?? "")")
      #expect(found?.description.contains("p.json") == true)
    }
  }

  @Test("integers that no register holds are refused")
  func integers() {
    for change in [
      { $0.layers[0].multiplier![0] = 1 << 29 }, { $0.layers[0].multiplier![0] = 1 << 31 },
      { $0.layers[0].exponent![0] = 1 }, { $0.layers[0].exponent![0] = -32 },
      { $0.layers[0].bias![0] = 1 << 32 },
    ] as [(inout BatchNormParameters) -> Void] {
      let found = #expect(throws: Diagnostics.self) {
        _ = try Self.values(Self.file(isReal: false, change))
      }
      #expect(found?.description.contains("channel 0 does not fit") == true)
    }
  }
}
