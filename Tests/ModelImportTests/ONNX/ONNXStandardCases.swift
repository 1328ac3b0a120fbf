import Foundation
import ModelImport
import NeuralGraph
import Testing

/// The operator cases of the ONNX project, where Debian's package libonnx-testdata is installed.
/// Each is a model of one operator whose inputs and outputs are in files; the first input is the
/// network's, the others become constants of the model.
struct ONNXStandardCase {
  static let folder = URL(filePath: "/usr/share/libonnx-testdata/data/node")
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder.path) }

  var name: String

  static func all() throws -> [ONNXStandardCase] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      ONNXStandardCase(name: $0)
    }
  }

  private var data: URL {
    Self.folder.appending(path: name).appending(path: "test_data_set_0")
  }

  private func file(_ name: String) -> [UInt8]? {
    (try? Data(contentsOf: data.appending(path: name))).map { Array($0) }
  }

  /// A TensorProto's numbers.
  struct Tensor {
    var shape: [Int] = []
    var type = 0
    var raw: [UInt8] = []

    /// nil for other element types than float, uint8, int8 and int32.
    var values: [Float]? {
      switch type {
      case 1 where raw.count % 4 == 0: ONNXArray(shape: shape, bytes: Data(raw)).values
      case 2: raw.map { Float($0) }
      case 3: raw.map { Float(Int8(bitPattern: $0)) }
      case 6 where raw.count % 4 == 0:
        stride(from: 0, to: raw.count, by: 4).map { first in
          Float(Int32(bitPattern: (0..<4).reduce(0) { $0 | UInt32(raw[first + $1]) << (8 * $1) }))
        }
      default: nil
      }
    }

    init(_ bytes: [UInt8]) {
      var rest = bytes[...]
      func number() -> Int {
        var (result, shift) = (0, 0)
        while let byte = rest.popFirst() {
          result |= Int(byte & 127) << shift
          shift += 7
          if byte < 128 || shift > 56 { break }
        }
        return result
      }
      while !rest.isEmpty {
        let key = number()
        switch key {
        case 0x08: shape.append(number())
        case 0x10: type = number()
        case _ where key & 7 == 2:
          let length = min(number(), rest.count)
          if key == 0x4A { raw = Array(rest.prefix(length)) }
          rest = rest.dropFirst(length)
        default: _ = number()
        }
      }
    }
  }

  enum Outcome {
    case equal
    /// The greatest difference, relative to the numbers' size.
    case near(Float)
    case refused(String)
    case wrong(String)
  }

  /// A message's field of bytes.
  private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var (result, length) = ([number << 3 | 2], bytes.count)
    while length >= 128 {
      result.append(UInt8(length & 127) | 128)
      length >>= 7
    }
    return result + [UInt8(length)] + bytes
  }

  /// Cases that work on each element of the first dimension alone.
  private static let imageByImage = [
    "abs", "add_bcast", "averagepool", "basic_conv", "batchnorm", "clip", "conv_", "div_bcast",
    "dropout",
    "elu", "exp", "flatten_axis1", "flatten_default", "gemm", "hardswish", "identity", "leakyrelu",
    "matmul_2d", "matmulinteger", "max_one", "maxpool",
    "min_one", "mul_bcast", "neg", "reciprocal", "reduce_mean_do_not", "reduce_mean_keepdims",
    "reduce_mean_negative", "relu", "sigmoid", "softmax_axis_1", "softmax_axis_2",
    "softmax_default",
    "softmax_negative", "sqrt", "sub_bcast", "sum_one", "tanh", "unsqueeze_axis_1",
    "unsqueeze_axis_2",
  ]

  /// Where the file has the first extent of its first input, in one byte: field 7 (graph), 11
  /// (input), 2 (type), 1 (tensor), 2 (shape), 1 (dimension), 1 (value).
  private func placeOfBatch(_ model: [UInt8]) -> Int? {
    var (start, end) = (0, model.count)
    for wanted in [7, 11, 2, 1, 2, 1, 1] {
      var position = start
      var found: Range<Int>?
      func number() -> Int {
        var (result, shift) = (0, 0)
        while position < end {
          let byte = model[position]
          position += 1
          result |= Int(byte & 127) << shift
          shift += 7
          if byte < 128 || shift > 56 { break }
        }
        return result
      }
      while position < end, found == nil {
        let key = number()
        let value = position
        let length = key & 7 == 2 ? number() : 0
        switch key & 7 {
        case 0: _ = number()
        case 1: position += 8
        case 5: position += 4
        default: break
        }
        if key >> 3 == wanted {
          found = key & 7 == 2 ? position..<min(end, position + length) : value..<position
        }
        position += length
      }
      guard let found else { return nil }
      (start, end) = (found.lowerBound, found.upperBound)
    }
    return end - start == 1 ? start : nil
  }

  /// The model with its result as codes of scale 1, by Cast and QuantizeLinear.
  private func quantized(_ model: [UInt8], isUnsigned: Bool) -> [UInt8] {
    func text(_ number: UInt8, _ string: String) -> [UInt8] { field(number, Array(string.utf8)) }
    let end = fields(model).flatMap { number, graph -> [UInt8] in
      guard number == 7, let output = fields(graph).last(where: { $0.number == 12 }),
        let name = fields(output.bytes).first(where: { $0.number == 1 })?.bytes
      else { return number == 8 ? [] : field(UInt8(number), graph) }
      let rest = fields(graph).filter { $0.number != 12 }
        .flatMap { field(UInt8($0.number), $0.bytes) }
      // CastAttribute `to` = FLOAT; TensorProtos of one number: 1, and a zero point of 8 bits.
      let to = field(5, text(1, "to") + [0x18, 1, 0xA0, 1, 2])
      let cast = field(1, field(1, name) + text(2, "df_real") + text(4, "Cast") + to)
      let quantize = field(
        1,
        text(1, "df_real") + text(1, "df_scale") + text(1, "df_zero") + text(2, "df_codes")
          + text(4, "QuantizeLinear"))
      let scale = field(5, [0x10, 1] + text(8, "df_scale") + field(9, [0, 0, 0x80, 0x3F]))
      let zero = field(5, [0x10, isUnsigned ? 2 : 3] + text(8, "df_zero") + field(9, [0]))
      return field(7, rest + cast + quantize + scale + zero + field(12, text(1, "df_codes")))
    }
    // The version of the operators that the cases are of, or newer: all three are alike since 13.
    return [0x08, 8] + end + field(8, [0x10, 13])
  }

  /// The fields of a message that hold bytes, by number.
  private func fields(_ message: [UInt8]) -> [(number: Int, bytes: [UInt8])] {
    var rest = message[...]
    var result: [(number: Int, bytes: [UInt8])] = []
    func number() -> Int {
      var (result, shift) = (0, 0)
      while let byte = rest.popFirst() {
        result |= Int(byte & 127) << shift
        shift += 7
        if byte < 128 || shift > 56 { break }
      }
      return result
    }
    while !rest.isEmpty {
      let key = number()
      guard key & 7 == 2 else {
        _ = number()
        continue
      }
      let length = min(number(), rest.count)
      result.append((key >> 3, Array(rest.prefix(length))))
      rest = rest.dropFirst(length)
    }
    return result
  }

  /// nil for a case whose data is no tensor of numbers.
  func outcome() throws -> Outcome? {
    guard var first = file("input_0.pb").map(Tensor.init), first.type != 6,
      var pixels = first.values,
      var last = file("output_0.pb").map(Tensor.init), var wanted = last.values,
      first.shape.reduce(1, *) == pixels.count, last.shape.reduce(1, *) == wanted.count
    else { return nil }
    var model = Array(
      try Data(contentsOf: Self.folder.appending(path: name).appending(path: "model.onnx")))
    // Two messages end to end are one with the fields of both: the initializers join the graph.
    var index = 1
    var takesImagesAlone = Self.imageByImage.contains { name.hasPrefix("test_\($0)") }
    var constants: [UInt8] = []
    while let input = file("input_\(index).pb") {
      constants += field(7, field(5, input))
      let shape = Tensor(input).shape
      if shape.count == first.shape.count, shape.first == first.shape.first {
        takesImagesAlone = false
      }
      index += 1
    }
    // Of a batch whose images are computed one by one, the first.
    if takesImagesAlone, let batch = first.shape.first, batch > 1, last.shape.first == batch,
      let place = placeOfBatch(model), Int(model[place]) == batch
    {
      model[place] = 1
      first.shape[0] = 1
      last.shape[0] = 1
      pixels = Array(pixels.prefix(pixels.count / batch))
      wanted = Array(wanted.prefix(wanted.count / batch))
    }
    model += constants
    if last.type == 6 {
      let isUnsigned = wanted.allSatisfy { (0...255).contains($0) }
      guard isUnsigned || wanted.allSatisfy({ (-128...127).contains($0) }) else { return nil }
      model = quantized(model, isUnsigned: isUnsigned)
    }
    let result: (shape: [Int], values: [Float])
    do {
      let size = ImageSize(height: 8, width: 8)
      var notes: [Diagnostic] = []
      let imported = try importONNX(model, name: name, imageSize: size) { notes.append($0) }
      if let note = notes.first { return .refused(note.message) }
      switch imported {
      case .float(let graph): result = try computed(graph, first.shape, pixels)
      case .quantized(let graph):
        result = try computed(graph, first.shape, pixels, asCodes: last.type != 1)
      }
    } catch let error as Diagnostics {
      return .refused(error.all[0].message)
    } catch let error as Diagnostic {
      return .refused(error.message)
    }
    return compare(result, last.shape, wanted)
  }

  private func computed(
    _ graph: Graph, _ shape: [Int], _ pixels: [Float]
  ) throws -> (shape: [Int], values: [Float]) {
    let array = ONNXArray(shape: shape, values: pixels)
    let tensor = array.tensor(shape.count == 4 ? [0, 2, 3, 1] : Array(shape.indices))
    let output = try graph.evaluate([tensor])[0]
    return (output.shape.dimensions, output.values)
  }

  private func computed(
    _ graph: QuantizedGraph, _ shape: [Int], _ pixels: [Float], asCodes: Bool
  ) throws -> (shape: [Int], values: [Float]) {
    let type = graph.nodes[0].type
    guard pixels.allSatisfy({ $0 == $0.rounded() && type.element.range.contains(Int($0)) }) else {
      throw Diagnostic("the input is real, and the network's input is codes")
    }
    let array = ONNXArray(shape: shape, values: pixels)
    let tensor = array.tensor(shape.count == 4 ? [0, 2, 3, 1] : Array(shape.indices))
    let input = IntegerTensor(
      shape: type.shape, element: type.element, codes: tensor.values.map { Int($0) })
    let output = try Interpreter(graph).outputs(for: input)[0]
    let result = graph[graph.outputs[0]].type
    let values = output.codes.map { code in
      asCodes ? Float(code) : Float(code - result.zeroPoint) * result.scale
    }
    return (output.shape.dimensions, values)
  }

  private func compare(
    _ result: (shape: [Int], values: [Float]), _ shape: [Int], _ wanted: [Float]
  ) -> Outcome {
    guard result.values.count == wanted.count else {
      return .wrong("has \(result.shape), not \(shape)")
    }
    var candidates = [result.values]
    if result.shape.count == 4, shape.count == 4 {
      let back = ONNXArray(shape: result.shape, values: result.values).tensor([0, 3, 1, 2])
      if back.shape.dimensions == shape { candidates.append(back.values) }
    }
    let size = wanted.map(abs).filter(\.isFinite).max() ?? 1
    var best = Float.infinity
    for values in candidates {
      if values == wanted { return .equal }
      best = min(best, zip(values, wanted).map { abs($0 - $1) }.max() ?? 0)
    }
    let difference = best / max(size, .leastNormalMagnitude)
    return difference < 1e-6 ? .near(difference) : .wrong("differs by \(difference) of its size")
  }
}

@Suite("ONNX's own operator cases") struct ONNXStandardTests {
  /// With DEEPFREEZE_RECORD=1 the outcomes are written to `docs/onnx-cases.md`.
  @Test(
    "Every case is computed right or refused", .enabled(if: ONNXStandardCase.isPresent))
  func all() throws {
    var right: [String] = []
    var refused: [String: [String]] = [:]
    for entry in try ONNXStandardCase.all() {
      guard let outcome = try entry.outcome() else { continue }
      let name = "`\(entry.name.dropFirst("test_".count))`"
      switch outcome {
      case .equal: right.append(name)
      case .near: right.append(name + " (rounding)")
      case .refused(let reason): refused[reason, default: []].append(name)
      case .wrong(let reason): Issue.record("\(entry.name) \(reason)")
      }
    }
    #expect(right.count > 30)
    guard ProcessInfo.processInfo.environment["DEEPFREEZE_RECORD"] == "1" else { return }
    try record(right, refused)
  }

  private func record(_ right: [String], _ refused: [String: [String]]) throws {
    var lines = [
      "# ONNX's own operator cases", "",
      "Debian's `libonnx-testdata` has a model, an input and an output for every operator. All whose",
      "first input is a tensor of float32, int8 or uint8 are run; other inputs become constants. A",
      "result in int32 is taken as codes of scale 1, through Cast and QuantizeLinear, where it fits 8 bits.",
      "Generated with", "",
      "    DEEPFREEZE_RECORD=1 swift test -c release --disable-xctest --filter ONNXStandardTests",
      "",
      "## Computed (\(right.count))", "",
      "Equal to the recorded output in every bit; `(rounding)`: within 10^-6 of the largest number,",
      "since sums in binary32 depend on their order.", "", right.joined(separator: ", ") + ".", "",
      "## Refused (\(refused.values.reduce(0) { $0 + $1.count }))", "", "| reason | cases |",
      "|---|---|",
    ]
    for (reason, names) in refused.sorted(by: { $0.key < $1.key }) {
      lines.append("| \(reason) | \(names.joined(separator: ", ")) |")
    }
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(
      to: root.appending(path: "docs/onnx-cases.md"))
  }
}
