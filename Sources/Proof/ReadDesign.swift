import NeuralGraph
import RTLTemplates
import Simulation
import YosysNetlist

/// Yosys on the files of an emitted folder: one module a file, its netlist as JSON.
struct DesignReader {
  let folder: EmittedFolder
  let scratch: ScratchFolder

  init(_ folder: EmittedFolder, _ scratch: ScratchFolder) throws(Diagnostics) {
    self.folder = folder
    self.scratch = scratch
    try scratch.link("design", to: folder.path)
  }

  /// The modules that are templates of this program.
  static let templates = Set(RTLTemplates.all.map { String($0.fileName.dropLast(2)) })

  /// The names of all modules, by the names of the files.
  var modules: [String] {
    folder.design.rtlFiles.compactMap { file in
      guard file.hasPrefix("rtl/"), file.hasSuffix(".v") else { return nil }
      return String(file.dropFirst(4).dropLast(2))
    }
  }

  /// Has Yosys write the netlists of these modules, each from its file alone: instances stay
  /// instances.
  func synthesise(_ modules: [String]) async throws(Diagnostics) {
    let known = Set(self.modules)
    for module in modules where !known.contains(module) {
      throw Diagnostics(
        Diagnostic(
          "there is no file rtl/\(module).v in it", file: folder.path,
          remedy: "emit the design again"))
    }
    let script = modules.map {
      "read_verilog design/rtl/\($0).v; proc -noopt -norom; write_json \($0).json; design -reset"
    }.joined(separator: "; ")
    let outcome = try await Program(.yosys).run(
      ["-q", "-p", script], in: scratch.path, timeout: .seconds(7200))
    guard outcome.succeeded else {
      let lines = outcome.lastLines.split(separator: "\n").filter { $0.contains("ERROR") }
      throw Diagnostics(
        Diagnostic(
          "Yosys does not read the text: "
            + (lines.isEmpty ? outcome.lastLines : lines.joined(separator: "; "))
            .replacing("design/", with: ""), file: folder.path))
    }
  }

  /// The netlist of a module that was synthesised.
  func netlist(_ module: String, portsOnly: Bool = false) throws(Diagnostics) -> Netlist {
    let path = scratch.path + "/" + module + ".json"
    let netlists = try Netlist.read(try readFile(path, limit: 1 << 34), portsOnly: portsOnly)
    guard netlists.count == 1, netlists[0].name == module else {
      throw Diagnostics(
        Diagnostic(
          "the file does not hold the module \(module) alone",
          file: folder.path + "/rtl/\(module).v"))
    }
    return netlists[0]
  }

  /// What stands in a module's file that tools read differently: compiler directives and comments that
  /// switch text off, and what could hide them here: block comments, and characters other than line
  /// feeds and printable ASCII. `` `ifdef VERILATOR `` is for lint alone.
  func directives(_ module: String) throws(Diagnostics) -> [String] {
    let bytes = try readFile(folder.path + "/rtl/\(module).v")
    if let odd = bytes.first(where: { $0 != 10 && !(32...126).contains($0) }) {
      return ["character \(odd)"]
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let allowed = [
      "`default_nettype none", "`default_nettype wire", "`ifdef VERILATOR", "`endif",
    ]
    return text.split(separator: "\n").filter { line in
      line.contains("translate_o") || line.contains("/*") || line.contains("*/")
        || (line.contains("`") && !line.hasPrefix("//")
          && !allowed.contains(String(line.drop { $0 == " " })))
    }.map { line in String(line.drop { $0 == " " }.prefix(60)) }
  }

  /// The templates of this program that the design uses, and those of them whose text differs.
  func templates() throws(Diagnostics) -> (used: [String], changed: [String]) {
    var used: [String] = []
    var changed: [String] = []
    for template in RTLTemplates.all {
      let path = "rtl/" + template.fileName
      guard folder.design.rtlFiles.contains(path) else { continue }
      let module = String(template.fileName.dropLast(2))
      used.append(module)
      if try readFile(folder.path + "/" + path) != Array(template.text.utf8) {
        changed.append(module)
      }
    }
    return (used, changed)
  }
}
