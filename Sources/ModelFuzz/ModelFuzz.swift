import BackEnd
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL

// libFuzzer's entry points (https://llvm.org/docs/LibFuzzer.html): `make fuzz-models`. A trap, a hang
// and an allocation without a bound are found by libFuzzer; what is checked here stops the process.

/// Once, before the corpus is read: writes the files to begin with into the corpus, the first folder of
/// the arguments. They are the models in the JSON files of the environment's `FUZZ_RECORDED`.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let words = (1..<Int(count.pointee)).compactMap { index in
    arguments.pointee[index].map { String(cString: $0) }
  }
  guard let folder = words.first(where: { !$0.hasPrefix("-") }),
    let recorded = ProcessInfo.processInfo.environment["FUZZ_RECORDED"]
  else { return 0 }
  var number = 0
  for path in recorded.split(separator: " ").map(String.init) {
    do {
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
      for model in models(in: json) {
        try model.write(to: URL(filePath: "\(folder)/recorded\(number)"))
        number += 1
      }
    } catch {
      fatalError("\(path): \(error)")
    }
  }
  return 0
}

/// The values under the keys `model`, which are files in base 64.
private func models(in json: Any) -> [Data] {
  if let entries = json as? [Any] { return entries.flatMap(models) }
  guard let record = json as? [String: Any] else { return [] }
  return record.sorted { $0.key < $1.key }.flatMap { key, value in
    if key == "model", let text = value as? String, let data = Data(base64Encoded: text) {
      return [data]
    }
    return models(in: value)
  }
}

/// One file: listed, also up to one of its operators, imported, quantized, computed, frozen, and the rest exported, as far as it goes.
/// Large networks end behind the import, since their work would take the time of many small ones.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  do {
    let file = try ModelFile(
      path: "fuzz", bytes: Array(UnsafeBufferPointer(start: data, count: size)))
    // A network file is two files.
    guard file.format != .network else { return 0 }
    do {
      let entries = try file.listing().entries
      if !entries.isEmpty {
        let end = entries[size % entries.count].operatorIndex
        _ = try ModelFile(path: "fuzz", bytes: file.bytes, until: ["@\(end)"]).listing()
      }
    } catch {
      check(error)
    }
    guard let graph = try quantized(file), work(graph) < 200_000 else { return 0 }
    let type = graph.nodes[0].type
    let input = IntegerTensor(
      shape: type.shape, element: type.element,
      bytes: Array(repeating: 1, count: type.shape.elementCount))
    guard try graph.evaluate(input).count == graph.nodes.count else {
      fatalError("values are missing")
    }
    guard graph.verify().isEmpty else { return 0 }
    let ready = foldPad(graph)
    let design = try Freeze.design(ready, options: FreezeOptions(fixedLayers: nil, effort: 0))
    guard let last = design.taps.last else { fatalError("a design without a layer") }
    _ = try BackEnd.onnx(ready, after: ValueID(last.value))
  } catch {
    check(error)
  }
  return 0
}

/// The network in integers; nil where a float network is too large to be calibrated here.
private func quantized(_ file: ModelFile) throws(Diagnostics) -> QuantizedGraph? {
  switch try file.imported() {
  case .quantized(let graph): return graph
  case .float(let graph):
    let shape = graph[graph.inputs[0]].shape
    let elements = graph.nodes.reduce(0) { $0.addingReportingOverflow($1.shape.elementCount).0 }
    guard elements < 20_000 else { return nil }
    let image = FloatTensor(
      shape: shape, values: (0..<shape.elementCount).map { Float($0 % 256) })
    return try quantizedGraph(
      from: .float(graph), options: QuantizationOptions(calibration: [image]))
  }
}

private func work(_ graph: QuantizedGraph) -> Int {
  graph.values.reduce(0) { $0 + graph.operationCount(of: $1) }
}

/// What the user is told must say something.
private func check(_ error: Diagnostics) {
  guard !error.all.isEmpty, error.all.allSatisfy({ !$0.message.isEmpty }) else {
    fatalError("a diagnostic without words")
  }
}
