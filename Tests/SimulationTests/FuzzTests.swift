import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

/// Random networks through everything; `deepfreeze fuzz` runs more of them.
@Suite struct FuzzTests {
  /// The folder of crasher files: networks that failed once.
  private static let crasherFolder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Crashers")

  static let crashers: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: crasherFolder.path)) ?? [])
    .filter { $0.hasSuffix(".json") }.sorted()

  @Test("a seed gives the same network again, and valid ones only")
  func deterministic() {
    for seed in 1...200 as ClosedRange<UInt64> {
      let network = RandomNetwork(seed: seed)
      #expect(network.graph == RandomNetwork(seed: seed).graph)
      #expect(network.graph.verify() == [])
    }
  }

  @Test("the first seed's network is the one that it was when crashers were written")
  func stable() {
    let (json, binary) = NetworkFile(graph: RandomNetwork(seed: 1).graph).encode()
    #expect(sha256Hex(json + binary).prefix(16) == "e7f398f58365c111")
  }

  @Test("300 random networks have every feature that matters")
  func coverage() {
    var seen: Set<String> = []
    for seed in 1...300 as ClosedRange<UInt64> {
      let graph = RandomNetwork(seed: seed).graph
      if graph.nodes[0].type.shape.width == 1 { seen.insert("one column") }
      for node in graph.nodes {
        if node.type.zeroPoint == node.type.element.range.lowerBound { seen.insert("lowest zero") }
        if node.type.zeroPoint == node.type.element.range.upperBound { seen.insert("highest zero") }
        switch node.operation {
        case .convolution(let layer):
          let window = layer.geometry
          if layer.isDepthwise { seen.insert("depthwise") }
          if layer.groups > 1, !layer.isDepthwise { seen.insert("grouped") }
          if window.isPointwise { seen.insert("pointwise") }
          if window.reachY > window.inputHeight { seen.insert("image below the window") }
          if window.strideY != window.strideX { seen.insert("unequal strides") }
          if window.dilationY == 2 { seen.insert("dilation") }
          if window.kernelHeight == 7 { seen.insert("kernel 7") }
          if window.strideX == 3 { seen.insert("stride 3") }
          if window.kernelHeight % 2 == 0 { seen.insert("even kernel") }
          if window.kernelHeight != window.kernelWidth { seen.insert("oblong kernel") }
          if layer.weights.contains(255) { seen.insert("extreme weights") }
        case .averagePool(let pool):
          seen.insert(pool.geometry.coversWholeInput ? "global average" : "average pool")
        case .maxPool: seen.insert("max pool")
        case .mean: seen.insert("mean")
        case .rescale: seen.insert("rescale")
        case .fullyConnected: seen.insert("fully connected")
        default: break
        }
      }
    }
    #expect(seen.count == 20, "only \(seen.sorted())")
  }

  @Test("ONNX's arithmetic: a seed gives the same network again, valid and wholly in hardware")
  func onnxIsDeterministic() throws {
    for seed in 1...60 as ClosedRange<UInt64> {
      let network = RandomNetwork(seed: seed, arithmetic: .onnx)
      #expect(network.graph == RandomNetwork(seed: seed, arithmetic: .onnx).graph)
      #expect(network.graph.verify() == [])
      let prefix = try FixedPrefix(network.graph, fixedLayers: nil)
      #expect(prefix.layers.count == network.graph.nodes.count - 1)
    }
  }

  @Test("ONNX's arithmetic: every requantizer of every kind is exact, with divisors above 1")
  func onnxCoverage() {
    var seen: Set<String> = []
    for seed in 1...150 as ClosedRange<UInt64> {
      for node in RandomNetwork(seed: seed, arithmetic: .onnx).graph.nodes {
        let divisors: [Int]
        switch node.operation {
        case .convolution(let layer): divisors = layer.requantization.map(\.divisor)
        case .fullyConnected(let layer): divisors = layer.requantization.map(\.divisor)
        case .mean(let mean): divisors = [mean.requantization.divisor]
        case .rescale(let rescale): divisors = [rescale.requantization.divisor]
        default: continue
        }
        #expect(divisors.allSatisfy { $0 > 0 })
        if divisors.contains(where: { $0 > 1 }) {
          seen.insert(String(describing: node.operation).prefix { $0 != "(" }.description)
        }
      }
    }
    #expect(seen == ["convolution", "fullyConnected", "mean", "rescale"])
  }

  @Test("ONNX's arithmetic: a crasher file keeps the divisors")
  func onnxCrasherFile() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let network = FuzzCase(seed: seed, arithmetic: .onnx)
      let again = try FuzzCase(crasher: network.crasher(problem: "a test"))
      #expect(again.graph == network.graph && again.options == network.options)
    }
  }

  @Test("12 random networks of ONNX's arithmetic: interpreter, datapaths and Icarus agree")
  func onnxInIcarus() async {
    for seed in 1...12 as ClosedRange<UInt64> {
      let problems = await FuzzCase(seed: seed, arithmetic: .onnx).run(simulators: [.icarus])
      #expect(problems == [], "seed \(seed)")
    }
  }

  @Test("30 random networks: interpreter, datapaths and Icarus agree at every layer and cycle")
  func icarus() async {
    await run(Array(1...30), simulators: [.icarus])
  }

  @Test("every fifth of them in Verilator too")
  func verilator() async {
    await run(Array(stride(from: 1, through: 30, by: 5)), simulators: [.verilator])
  }

  @Test("branches: a seed gives the same network again, valid and wholly in hardware")
  func branchesAreDeterministic() throws {
    var joins = 0
    for seed in 1...80 as ClosedRange<UInt64> {
      let arithmetic: FuzzArithmetic = seed % 4 == 0 ? .onnx : .tflite
      let network = RandomNetwork(seed: seed, arithmetic: arithmetic, shape: .branches)
      #expect(
        network.graph == RandomNetwork(seed: seed, arithmetic: arithmetic, shape: .branches).graph)
      #expect(network.graph.verify() == [])
      let prefix = try FixedPrefix(network.graph, fixedLayers: nil)
      #expect(prefix.layers.count == network.graph.nodes.count - 1)
      joins += network.graph.nodes.count {
        if case .add = $0.operation { true } else { false }
      }
    }
    #expect(joins > 60, "\(joins)")
  }

  @Test(
    "mixed networks are wholly in hardware: tables, differences, dense layers on maps, padded pools"
  )
  func mixedCoverage() throws {
    var seen: Set<String> = []
    for seed in 1...60 as ClosedRange<UInt64> {
      let graph = RandomNetwork(seed: seed, shape: .mixed).graph
      #expect(graph == RandomNetwork(seed: seed, shape: .mixed).graph)
      #expect(graph.verify() == [])
      let prefix = try FixedPrefix(graph, fixedLayers: nil)
      #expect(prefix.layers.count == graph.nodes.count { !$0.operation.isInputOrReshape })
      for node in graph.nodes {
        switch node.operation {
        case .table(let table):
          seen.insert(table.codes.count == 256 ? "one table" : "a table a channel")
        case .add(let add):
          if add.first.multiplier < 0 { seen.insert("first subtracted") }
          if add.second.multiplier < 0 { seen.insert("second subtracted") }
        case .reshape: seen.insert("flattened map")
        case .fullyConnected(let layer)
        where graph[node.operands[0]].type.shape.channels < layer.inputSize:
          seen.insert("fully connected on a map")
        case .maxPool(let pool) where pool.padCode != nil: seen.insert("pads with a code")
        default: break
        }
      }
    }
    #expect(seen.count == 7, "only \(seen.sorted())")
  }

  @Test("12 random mixed networks: interpreter, datapaths and Icarus agree")
  func mixedInIcarus() async {
    for seed in 1...12 as ClosedRange<UInt64> {
      let arithmetic: FuzzArithmetic = seed % 4 == 0 ? .onnx : .tflite
      let problems = await FuzzCase(seed: seed, arithmetic: arithmetic, shape: .mixed).run(
        simulators: seed % 6 == 0 ? [.icarus, .verilator] : [.icarus])
      #expect(problems == [], "seed \(seed)")
    }
  }

  @Test("8 random networks with branches: interpreter, datapaths and Icarus agree")
  func branchesInIcarus() async {
    for seed in 1...8 as ClosedRange<UInt64> {
      let arithmetic: FuzzArithmetic = seed % 4 == 0 ? .onnx : .tflite
      let problems = await FuzzCase(seed: seed, arithmetic: arithmetic, shape: .branches).run(
        simulators: seed % 7 == 0 ? [.icarus, .verilator] : [.icarus])
      #expect(problems == [], "seed \(seed)")
    }
  }

  private func run(_ seeds: [UInt64], simulators: [Simulator]) async {
    for seed in seeds {
      let problems = await FuzzCase(seed: seed).run(simulators: simulators)
      #expect(problems == [], "seed \(seed)")
    }
  }

  @Test("a network that failed once does not fail again", arguments: crashers)
  func crasher(file: String) async throws {
    let bytes = try readFile(Self.crasherFolder.appending(path: file).path)
    let problems = try await FuzzCase(crasher: bytes).run(simulators: [.icarus])
    #expect(problems == [])
  }

  @Test("a crasher file gives back the network, its options and its seed")
  func crasherFile() throws {
    let network = FuzzCase(seed: 9)
    let again = try FuzzCase(crasher: network.crasher(problem: "a test"))
    #expect(again.seed == 9 && again.graph == network.graph && again.options == network.options)
  }
}
