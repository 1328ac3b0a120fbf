import Foundation
import NeuralGraph
import RTL
import Simulation
import YosysNetlist

/// Goes through a design: wiring from the stream to the last pixel, then layer by layer.
struct DesignProver {
  private let folder: EmittedFolder
  private let expected: [ExpectedLayer]
  private let reader: DesignReader
  /// The tensor that comes in, as the model has it.
  private let networkInput: QuantizedType
  private var wiring: [String] = []
  /// Templates that the stages have instances of, and the memory below one of them.
  private var needed: Set<String> = ["df_sram_1r1w"]
  /// By layer; nil where the connections are wrong.
  private var roles: [[String: PortRole]?] = []

  init(
    _ folder: EmittedFolder, _ expected: [ExpectedLayer], input: QuantizedType,
    _ reader: DesignReader
  ) {
    networkInput = input
    self.folder = folder
    self.expected = expected
    self.reader = reader
  }

  private var design: DesignDescription { folder.design }

  mutating func prove(_ progress: @escaping @Sendable (_ steps: Int) -> Void)
    async throws(Diagnostics) -> DesignProof
  {
    // A step for reading each layer and one for proving it.
    let steps = 2 * design.layers.count
    let templates = try reader.templates()
    for name in templates.changed {
      wiring.append("rtl/\(name).v is not the template of this program")
    }
    let modules = design.layers.map(\.module)
    let jobs = ProcessInfo.processInfo.activeProcessorCount
    for module in modules + design.stages.map(\.module) + roms + [design.name]
    where reader.modules.contains(module) {
      for directive in try reader.directives(module) {
        wiring.append("rtl/\(module).v holds '\(directive)': tools may read it differently")
      }
    }
    try await reader.synthesise(templates.used + design.stages.map(\.module) + [design.name])
    _ = try await mapConcurrently(modules.reversed(), jobs: jobs) {
      [reader] name throws(Diagnostics) in
      try await reader.synthesise([name])
      progress(steps)
    }
    try wire()
    for name in needed.sorted() where !templates.used.contains(name) {
      wiring.append("rtl/\(name).v is not among the design's files")
    }
    let adders = try await adderCells(modules, templates.used)
    let layers = try await mapConcurrently(Array(modules.indices), jobs: jobs) {
      [reader, expected, roles, design] index throws(Diagnostics) in
      let proof = LayerProver(
        name: design.layers[index].name, netlist: try reader.netlist(modules[index]),
        expected: expected[index], roles: roles[index], adderCells: adders,
        ranks: design.layers[index].ranks
      ).prove()
      progress(steps)
      return proof
    }
    return DesignProof(
      design: design.name, layers: layers, wiring: wiring,
      assumed: templates.used.map { "rtl/\($0).v does what its head says" },
      isProved: wiring.isEmpty && layers.allSatisfy(\.isProved))
  }

  /// The modules of serial sums' weights.
  private var roms: [String] {
    design.stages.filter { $0.kind == .serial }.compactMap { stage in
      design.layers.first { $0.name == stage.layers.first }.map { SerialWiring.romType($0.module) }
    }
  }

  /// Compares a ROM's file with the model's weights, line by line; nil when all are right.
  private func problem(
    ofROMOf layer: DesignDescription.LayerEntry, _ serial: SerialWiring, _ expected: ExpectedSerial
  ) throws(Diagnostics) -> String? {
    let module = SerialWiring.romType(layer.module)
    guard reader.modules.contains(module) else { return "there is no file rtl/\(module).v" }
    let text = String(decoding: try readFile(folder.path + "/rtl/\(module).v"), as: UTF8.self)
    do throws(Diagnostic) {
      return try ExpectedROM(
        expected, module: module, row: serial.row, outputs: serial.outputs, turns: serial.turns,
        lanes: serial.lanes, unroll: serial.unroll, weightBits: serial.weightBits,
        addressBits: serial.addressBits
      ).problem(of: text)
    } catch {
      return error.message
    }
  }

  // MARK: Wiring

  private mutating func need(_ netlist: Netlist) {
    needed.formUnion(netlist.cells.map(\.type).filter(DesignReader.templates.contains))
  }

  /// Follows the pixels through top, stages and layers.
  private mutating func wire() throws(Diagnostics) {
    let input = networkInput
    // By stream, the input first.
    var pixels: [[PixelBit?]] = [
      (0..<8 * input.shape.channels).map { PixelBit(channel: $0 / 8, bit: $0 % 8) }
    ]
    var channels = [input.shape.channels]
    let streams = design.streams
    var stages: [Netlist] = []
    var number = 0
    var isKnown = true
    for (index, stage) in design.stages.enumerated() {
      let netlist = try reader.netlist(stage.module)
      need(netlist)
      guard isKnown else {
        stages.append(netlist)
        continue
      }
      var layers: [Netlist] = []
      for layer in design.layers[number..<number + stage.layers.count] {
        layers.append(try reader.netlist(layer.module, portsOnly: true))
      }
      let connections = StageWiring(
        netlist,
        .init(
          layers: layers, first: expected[number],
          input: Self.joined(streams[index].map { ($0.stage ?? -1) + 1 }, pixels, channels)))
      let ranks = design.layers[number..<number + layers.count].reduce(0) { $0 &+ $1.ranks }
      for fault in connections.faults { wiring.append("\(stage.name): \(fault.message)") }
      if connections.faults.isEmpty, connections.ranks != ranks {
        wiring.append(
          "\(stage.name): the valid bits take \(connections.ranks) clocks, the layers \(ranks)")
      }
      if connections.faults.isEmpty, connections.depth != stage.fifoDepth {
        wiring.append(
          "\(stage.name): the FIFO has \(connections.depth) words, the design \(stage.fifoDepth)")
      }
      if connections.faults.isEmpty, let serial = connections.serial,
        let sums = expected[number].serial,
        let problem = try problem(ofROMOf: design.layers[number], serial, sums)
      {
        wiring.append("\(stage.name): \(problem)")
      }
      stages.append(netlist)
      // Behind a stage with wrong connections nobody knows what the pixels are.
      isKnown = connections.faults.isEmpty
      guard isKnown else { continue }
      roles += connections.roles.map { $0 }
      pixels.append(connections.output)
      number += layers.count
      channels.append(expected[number - 1].outputCodes.count)
    }
    while roles.count < expected.count { roles.append(nil) }
    let netlist = try reader.netlist(design.name)
    need(netlist)
    var isLive = pixels.map { $0.contains { $0 != nil } }
    while isLive.count <= stages.count { isLive.append(true) }
    var top = TopWiring(
      netlist, stages: stages, inputs: streams, isLive: isLive, input: input)
    if isKnown {
      top.checkOutput(
        pixels[pixels.count - 1], codes: expected[expected.count - 1].outputCodes)
    }
    for fault in top.faults { wiring.append("\(design.name): \(fault.message)") }
  }

  /// The pixel of a stage that reads these streams: their bits one behind the other, the channels of the
  /// later ones numbered on. Of several streams those without a channel in hardware have no bit.
  private static func joined(_ streams: [Int], _ pixels: [[PixelBit?]], _ channels: [Int])
    -> [PixelBit?]
  {
    if streams.count == 1 { return pixels[streams[0]] }
    var bits: [PixelBit?] = []
    var first = 0
    for stream in streams {
      if pixels[stream].contains(where: { $0 != nil }) {
        bits += pixels[stream].map { bit in
          bit.map { PixelBit(channel: $0.channel + first, bit: $0.bit) }
        }
      }
      first += channels[stream]
    }
    return bits.isEmpty ? [nil] : bits
  }

  /// Adders among the modules that layers have instances of.
  private func adderCells(_ layers: [String], _ templates: [String]) async throws(Diagnostics)
    -> [String: AdderCell]
  {
    let others = reader.modules.filter {
      !layers.contains($0) && !design.stages.map(\.module).contains($0) && $0 != design.name
        && !templates.contains($0) && !roms.contains($0)
    }
    var cells: [String: AdderCell] = [:]
    if !others.isEmpty { try await reader.synthesise(others) }
    for name in others + templates {
      if let cell = AdderCell(try reader.netlist(name)) { cells[name] = cell }
    }
    return cells
  }
}
