import Foundation
import NeuralGraph
import RTL
import Simulation
import SynthesisScripts

/// Yosys and OpenSTA on the modules of an emitted folder, cached by content.
public struct Synthesiser: Sendable {
  public let library: CellLibrary
  public let cache: SynthesisCache
  /// What `yosys -V` and OpenSTA print: part of an entry's key, and of the report.
  public let yosysVersion: String
  public let timingVersion: String
  private let scratch: ScratchFolder
  private let partRegisters: Int

  /// Finds the tools' versions and writes the library and scripts into `scratch`. A module of more than three
  /// times `partRegisters` registers (words) is mapped in parts of so many, which bounds Yosys' memory.
  public init(
    library: CellLibrary, cache: SynthesisCache, scratch: ScratchFolder,
    partRegisters: Int = 2000
  ) async throws(Diagnostics) {
    precondition(partRegisters > 0, "a part holds registers")
    self.partRegisters = partRegisters
    self.library = library
    self.cache = cache
    self.scratch = scratch
    let version = try await Program(.yosys).require(
      ["-V"], in: scratch.path, timeout: .seconds(60))
    yosysVersion = Self.version(version.output, default: "Yosys")
    let timing = try await Program(.sta).require(
      ["-version"], in: scratch.path, timeout: .seconds(60))
    timingVersion = "OpenSTA " + Self.version(timing.output, default: "")
    try scratch.write("library.lib", library.text)
    try scratch.write("adders.v", Array(library.adderCells.utf8))
    try scratch.write("synthesise.tcl", Array(SynthesisScripts.synthesise.utf8))
    try scratch.write("timing.tcl", Array(SynthesisScripts.timing.utf8))
    try scratch.write("power.tcl", Array(SynthesisScripts.power.utf8))
  }

  /// The first line, up to a parenthesis.
  private static func version(_ output: String, default name: String) -> String {
    let line = output.split(separator: "\n").first.map(String.init) ?? name
    return String(line.prefix { $0 != "(" }).trimmingCharacters(in: .whitespaces)
  }

  /// Longest that a tool may take for one module.
  private static let timeout = Duration.seconds(4 * 3600)

  /// A module's cells, and its netlist for timing.
  struct Mapped: Sendable {
    var cells: MappedCells
    var netlist: [UInt8]
    var key: String
  }

  /// Maps `unit` of the emitted folder for a clock of `period` ns, or finds it in the cache.
  func map(
    _ unit: SynthesisUnit, of folder: EmittedFolder, period: Double
  ) async throws(Diagnostics) -> Mapped {
    let known = Set(folder.design.rtlFiles + (folder.design.packedOutput?.rtlFiles ?? []))
    for file in unit.sources + unit.boxes where !known.contains(file) {
      throw Diagnostics(
        Diagnostic(
          "the design does not list the file \(file)", file: folder.path,
          remedy: "emit the design again"))
    }
    let key = try key(unit, folder, period)
    if let cells = cache.entry(key, "cells.json"), let netlist = cache.entry(key, "v"),
      let decoded = try? StableJSON.decode(MappedCells.self, cells, file: key)
    {
      return Mapped(cells: decoded, netlist: netlist, key: key)
    }
    let link = "design-\(key)"
    try scratch.link(link, to: folder.path)
    defer { scratch.remove(link) }
    let output = "mapped-\(key)"
    let outcome = try await Program(.yosys).run(
      ["-q", "-c", "synthesise.tcl"], in: scratch.path, timeout: Self.timeout,
      environment: [
        "DF_TOP": unit.module, "DF_OUTPUT": output, "DF_LIBERTY": "library.lib",
        "DF_SOURCES": unit.sources.map { "\(link)/\($0)" }.joined(separator: " "),
        "DF_BOXES": unit.boxes.map { "\(link)/\($0)" }.joined(separator: " "),
        "DF_ADDERS": library.hasFullAdder ? "adders.v" : "",
        "DF_DRIVER": library.buffer ?? "", "DF_CLOCK": String(period),
        "DF_PART": String(partRegisters),
      ])
    guard outcome.succeeded else {
      throw Diagnostics(
        Diagnostic(
          "Yosys failed: \(Self.reason(outcome).replacing(link + "/", with: ""))",
          file: folder.path + "/rtl/\(unit.module).v"))
    }
    let cells = try MappedCells(
      json: try readFile(scratch.path + "/\(output).json", limit: 1 << 34),
      statistics: try readFile(scratch.path + "/\(output).stat"), unit: unit, library: library)
    // OpenSTA reads no signed declarations.
    let text = try readFile(scratch.path + "/\(output).v", limit: 1 << 34)
    let netlist = Array(
      String(decoding: text, as: UTF8.self).replacing(" signed ", with: " ").utf8)
    for suffix in [".json", ".stat", ".v", ".constr", ".list"] { scratch.remove(output + suffix) }
    try cache.store(key, "v", netlist)
    try cache.store(key, "cells.json", StableJSON.encode(cells))
    return Mapped(cells: cells, netlist: netlist, key: key)
  }

  /// The longest paths of a mapped module at a clock of `period` ns.
  func time(_ mapped: Mapped, module: String, period: Double) async throws(Diagnostics)
    -> ModuleTiming
  {
    if mapped.cells.types.isEmpty { return ModuleTiming() }
    let text = try await analyse(
      mapped, module: module, period: period, script: SynthesisScripts.timing, name: "timing.tcl",
      kind: "paths", end: "path end")
    return try ModuleTiming(
      report: text, period: period, registers: mapped.cells.registerNames)
  }

  /// What OpenSTA finds for the power of a mapped module, mW, when every net makes `activity`
  /// transitions a clock of `period` ns: of flip-flops, and of the other cells.
  func openSTAPower(
    _ mapped: Mapped, module: String, period: Double, activity: Double
  ) async throws(Diagnostics) -> (registers: Double, logic: Double) {
    if mapped.cells.types.isEmpty { return (0, 0) }
    let text = try await analyse(
      mapped, module: module, period: period, script: SynthesisScripts.power, name: "power.tcl",
      kind: "power", end: "power end", ["DF_ACTIVITY": String(activity)])
    /// A row's internal, switching, leakage and whole power: W, whatever the unit of commands.
    func total(_ group: String) throws(Diagnostics) -> Double {
      let figures = text.split(separator: "\n").first { $0.hasPrefix(group + " ") }?
        .split(separator: " ").dropFirst().prefix(4).compactMap { Double($0) }
      guard let figures, figures.count == 4, figures[3].isFinite else {
        throw Diagnostics(
          Diagnostic("OpenSTA's report of the power of module \(module) has no row \(group)"))
      }
      return figures[3] * 1000
    }
    return (try total("Sequential"), try total("Combinational"))
  }

  /// What a script of OpenSTA prints about a mapped module, from the cache or anew. `kind` is the entry's
  /// suffix, `end` the line that a whole report has last.
  private func analyse(
    _ mapped: Mapped, module: String, period: Double, script: String, name: String, kind: String,
    end: String, _ environment: [String: String] = [:]
  ) async throws(Diagnostics) -> String {
    let settings = environment.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let key = sha256Hex(
      Array("\(mapped.key) \(timingVersion) \(script) \(period)\(settings)".utf8))
    if let entry = cache.entry(key, kind) { return String(decoding: entry, as: UTF8.self) }
    let netlist = "analysed-\(key).v"
    try scratch.write(netlist, mapped.netlist)
    defer { scratch.remove(netlist) }
    let outcome = try await Program(.sta).run(
      ["-exit", name], in: scratch.path, timeout: Self.timeout,
      environment: [
        "DF_TOP": module, "DF_NETLIST": netlist, "DF_LIBERTY": "library.lib",
        "DF_CLOCK": String(period),
      ].merging(environment) { $1 })
    // OpenSTA goes on behind an error, and ends with success.
    guard outcome.succeeded, outcome.output.contains("\n" + end),
      !outcome.output.contains("Error:")
    else {
      throw Diagnostics(
        Diagnostic("OpenSTA failed for the module \(module): \(Self.reason(outcome))"))
    }
    try cache.store(key, kind, Array(outcome.output.utf8))
    return outcome.output
  }

  private func key(
    _ unit: SynthesisUnit, _ folder: EmittedFolder, _ period: Double
  ) throws(Diagnostics) -> String {
    var text =
      "deepfreeze \(MappedCells.version)\n\(period) ns\n\(partRegisters)\n\(yosysVersion)\n\(library.digest)\n"
      + "\(unit.kind.rawValue) \(unit.module)\n\(SynthesisScripts.synthesise)\n"
    for (kind, files) in [("source", unit.sources), ("box", unit.boxes)] {
      for file in files {
        let digest = sha256Hex(try readFile(folder.path + "/" + file))
        text += "\(kind) \(file) \(digest)\n"
      }
    }
    return sha256Hex(Array(text.utf8))
  }

  /// The lines with errors, or else the last ones.
  private static func reason(_ outcome: Program.Outcome) -> String {
    let lines = outcome.output.split(separator: "\n").filter {
      $0.contains("ERROR") || $0.hasPrefix("Error:")
    }
    if !lines.isEmpty { return lines.prefix(3).joined(separator: "; ") }
    return outcome.output.isEmpty ? "it was ended without a word" : outcome.lastLines
  }
}
