import Foundation
import NeuralGraph
import RTL
import SimulatorSources

/// A file of an emitted folder.
public struct EmittedFile: Hashable, Sendable {
  /// Relative to the folder, with slashes.
  public var path: String
  public var bytes: [UInt8]

  public init(_ path: String, _ bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  public init(_ path: String, text: String) { self.init(path, Array(text.utf8)) }
}

extension Design {
  /// The files that make an emitted folder: `rtl/`, `sim/`, `syn/`, `design.json`, `report.md`,
  /// `network.json` and `network.bin`. `network` holds the graph that the design was made of. The same design and
  /// network give the same bytes. `clockPeriod`, ns, is what `syn/` begins with. With `packing` the output
  /// comes in another form too: a module around the design, in a folder of the form's name.
  public func emittedFiles(
    network: NetworkFile, clockPeriod: Double? = nil, packing: PackedOutput.Format? = nil
  ) -> [EmittedFile] {
    let source = emitVerilog()
    var files = source.rtl.map { EmittedFile("rtl/\($0.name)", text: $0.text) }
    let rtlFiles = files.map(\.path)
    files.append(
      EmittedFile("rtl/files.f", text: source.rtl.map { $0.name + "\n" }.joined()))
    files += SimulatorSources.all.map { EmittedFile("sim/\($0.fileName)", text: $0.text) }
    files.append(EmittedFile("sim/\(source.taps.name)", text: source.taps.text))
    var helpers = ["sim/\(SimulatorSources.recorder)"]
    if !adaptiveLayers.isEmpty {
      let master = SimulatorSources.batchNormMaster
      files.append(EmittedFile("sim/\(master.fileName)", text: master.text))
      helpers.append("sim/\(master.fileName)")
    }
    var description = DesignDescription(
      self, rtlFiles: rtlFiles, simulationFiles: helpers + ["sim/\(source.taps.name)"])
    if let packing { files += packedFiles(&description, packing, helpers) }
    files += BatchNormFolder.files(description, network.graph)
    files.append(EmittedFile(DesignDescription.fileName, description.encode()))
    files += SynthesisFolder.files(description, period: clockPeriod)
    files += CoreFile.files(description)
    files.append(EmittedFile("report.md", text: report))
    let (json, binary) = network.encode()
    files.append(EmittedFile(NetworkFile.jsonName, json))
    files.append(EmittedFile(NetworkFile.binaryName, binary))
    return files
  }

  /// The packed output's files; the description learns of them.
  private func packedFiles(
    _ description: inout DesignDescription, _ format: PackedOutput.Format, _ helpers: [String]
  ) -> [EmittedFile] {
    let source = emitNVDLAOutput(description.output)
    func path(_ file: VerilogSource.File) -> String { "\(format.rawValue)/\(file.name)" }
    description.packedOutput = PackedOutput(
      format: format, module: source.module, cube: FeatureCube(description.output),
      rtlFiles: source.rtl.map(path),
      simulationFiles: helpers + [path(source.taps)])
    return (source.rtl + [source.taps]).map { EmittedFile(path($0), text: $0.text) }
  }
}

/// An emitted folder that was read again: all that `verify` and reports need.
public struct EmittedFolder: Sendable {
  /// As the user gave it.
  public let path: String
  public let design: DesignDescription
  public let network: NetworkFile

  /// Reads `design.json`, `network.json` and `network.bin` and checks that the Verilog is there.
  /// Throws what makes the folder unusable.
  public init(path: String) throws(Diagnostics) {
    self.path = path
    func read(_ name: String) throws(Diagnostics) -> [UInt8] {
      let file = path + "/" + name
      guard FileManager.default.fileExists(atPath: file) else {
        throw Diagnostics(
          Diagnostic(
            "there is no \(name) in it", file: path,
            remedy: "give a folder that 'deepfreeze emit' has written"))
      }
      return try readFile(file)
    }
    design = try Self.naming(path) { () throws(Diagnostics) in
      try DesignDescription(json: read(DesignDescription.fileName))
    }
    network = try Self.naming(path) { () throws(Diagnostics) in
      try NetworkFile(json: read(NetworkFile.jsonName), binary: read(NetworkFile.binaryName))
    }
    if let map = design.registerMap, let problem = network.graph.problem(of: map) {
      throw Diagnostics(
        Diagnostic(
          problem, file: path,
          remedy: "the files of the folder are of different designs; emit the design again"))
    }
    let harness = ["sim/" + SimulatorSources.bench, "sim/" + SimulatorSources.driver]
    let packed = design.packedOutput.map { $0.rtlFiles + $0.simulationFiles } ?? []
    for file in design.rtlFiles + design.simulationFiles + harness + packed {
      guard Self.isPlain(file), FileManager.default.fileExists(atPath: path + "/" + file) else {
        throw Diagnostics(
          Diagnostic("the file \(file) is missing", file: path, remedy: "emit the design again"))
      }
    }
  }

  /// The network's value that leaves the hardware. Throws when the design and the network do not fit.
  public var outputValue: ValueID {
    get throws(Diagnostics) {
      let graph = network.graph
      let output = design.output
      guard let value = design.taps.last?.value, graph.nodes.indices.contains(value),
        graph.nodes[value].name == output.name,
        graph.nodes[value].type.element == output.element,
        graph.nodes[value].type.zeroPoint == output.zeroPoint,
        graph.nodes[value].type.shape.elementCount
          == output.height * output.width * output.channels,
        graph.nodes[value].type.shape.channels == output.channels
      else {
        throw Diagnostics(
          Diagnostic(
            "the output stream is no value of the network", file: path,
            remedy: "emit the design again"))
      }
      return ValueID(value)
    }
  }

  /// True for a relative path of plain names: what `emit` writes.
  private static func isPlain(_ path: String) -> Bool {
    path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { name in
      !name.isEmpty && name.first != "." && name.first != "-"
        && name.utf8.allSatisfy { byte in
          let character = Character(UnicodeScalar(byte))
          return character.isASCII
            && (character.isLetter || character.isNumber || "_-.".contains(character))
        }
    }
  }

  /// Runs `body`; its diagnostics name files inside `folder`.
  private static func naming<Result>(
    _ folder: String, _ body: () throws(Diagnostics) -> Result
  ) throws(Diagnostics) -> Result {
    do {
      return try body()
    } catch {
      throw Diagnostics(
        error.all.map { diagnostic in
          var diagnostic = diagnostic
          if let file = diagnostic.place.file, !file.hasPrefix(folder) {
            diagnostic.place.file = folder + "/" + file
          }
          return diagnostic
        })
    }
  }
}
