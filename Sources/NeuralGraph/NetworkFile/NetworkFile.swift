/// A `QuantizedGraph` as two files: `network.json`, which people can read, and `network.bin` with
/// the weights, biases and multipliers, whose SHA-256 stands in the JSON.
///
/// Encoding is a bijection on valid graphs: decoding gives the same graph, and the same graph gives
/// the same bytes. Scales are written with as many digits as their binary32 needs.
public struct NetworkFile: Hashable, Sendable {
  /// Where a network came from.
  public struct Origin: Hashable, Sendable, Codable {
    /// The model file's name, without folders.
    public var file: String
    /// Its SHA-256 in hexadecimal.
    public var sha256: String
    /// The tensors and operators of the model that a user ended the network at; nil for the whole model.
    public var until: [String]?

    public init(file: String, sha256: String, until: [String] = []) {
      self.file = file
      self.sha256 = sha256
      self.until = until.isEmpty ? nil : until
    }
  }

  /// Of the file with the structure.
  public static let jsonName = "network.json"
  /// Of the file with weights, biases and multipliers.
  public static let binaryName = "network.bin"
  static let format = "deepfreeze-network"
  static let version = 1

  public var graph: QuantizedGraph
  public var origin: Origin?

  public init(graph: QuantizedGraph, origin: Origin? = nil) {
    self.graph = graph
    self.origin = origin
  }

  /// The bytes of `network.json` and of `network.bin`, or of two files of other names: the JSON names
  /// the binary file, which stands beside it.
  public func encode(
    binaryName: String = NetworkFile.binaryName
  ) -> (json: [UInt8], binary: [UInt8]) {
    var sections = SectionWriter()
    let nodes = graph.nodes.map { node in
      NodeRecord(
        name: node.name, operands: node.operands.map(\.index),
        shape: node.type.shape.dimensions, element: node.type.element, scale: node.type.scale,
        zeroPoint: node.type.zeroPoint,
        operation: OperationRecord(node.operation, &sections))
    }
    let record = NetworkRecord(
      format: Self.format, version: Self.version, name: graph.name, origin: origin,
      weights: .init(
        file: binaryName, bytes: sections.bytes.count, sha256: sha256Hex(sections.bytes)),
      nodes: nodes, outputs: graph.outputs.map(\.index))
    return (StableJSON.encode(record), sections.bytes)
  }

  /// The network that two files hold. Throws a diagnostic when they are damaged, do not belong
  /// together, are of another version, or describe a network that `verify` refuses.
  public init(json: [UInt8], binary: [UInt8]) throws(Diagnostics) {
    let record = try StableJSON.decode(NetworkRecord.self, json, file: Self.jsonName)
    guard record.format == Self.format else {
      throw Self.problem("it is not a network of deepfreeze, but '\(record.format)'")
    }
    guard record.version == Self.version else {
      throw Self.problem(
        "its version is \(record.version), and this program reads version \(Self.version)",
        remedy: "emit the design again")
    }
    guard record.weights.bytes == binary.count, record.weights.sha256 == sha256Hex(binary) else {
      throw Diagnostics(
        Diagnostic(
          "its length or SHA-256 is not the one in \(Self.jsonName)", file: Self.binaryName,
          remedy: "it was changed or cut; emit the design again"))
    }
    graph = try record.graph(SectionReader(bytes: binary))
    origin = record.origin
    let found = graph.verify()
    guard found.isEmpty else { throw Diagnostics(found).inFile(Self.jsonName) }
  }

  /// True for the JSON of a network: an object that names the format.
  public static func recognizes(_ json: [UInt8]) -> Bool {
    guard json.first(where: { !$0.isJSONSpace }) == UInt8(ascii: "{") else { return false }
    return (try? StableJSON.decode(Format.self, json, file: jsonName))?.format == format
  }

  private struct Format: Decodable {
    var format: String
  }

  /// The name of the binary file that belongs to a network's JSON. Throws when it is none, or names a
  /// file in another folder.
  public static func binaryName(json: [UInt8]) throws(Diagnostics) -> String {
    let record = try StableJSON.decode(NetworkRecord.self, json, file: jsonName)
    let name = record.weights.file
    guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.contains("\0")
    else { throw problem("its weights are in '\(name)', which is no file beside it") }
    return name
  }

  /// Where the network of a JSON came from; nil where it does not say, or is no network.
  public static func origin(json: [UInt8]) -> Origin? {
    (try? StableJSON.decode(NetworkRecord.self, json, file: jsonName))?.origin
  }

  static func problem(_ message: String, node: String? = nil, remedy: String? = nil)
    -> Diagnostics
  {
    Diagnostics(Diagnostic(message, file: jsonName, node: node, remedy: remedy))
  }
}

/// `network.json` as it stands in the file.
struct NetworkRecord: Codable {
  struct Weights: Codable {
    var file: String
    var bytes: Int
    var sha256: String
  }

  var format: String
  var version: Int
  var name: String
  var origin: NetworkFile.Origin?
  var weights: Weights
  var nodes: [NodeRecord]
  var outputs: [Int]

  func graph(_ sections: SectionReader) throws(Diagnostics) -> QuantizedGraph {
    var graph = QuantizedGraph(name: name)
    for (index, node) in nodes.enumerated() {
      guard node.operands.allSatisfy({ (0..<index).contains($0) }) else {
        throw NetworkFile.problem("an operand is not a node before it", node: node.name)
      }
      guard TensorShape.checkedElementCount(node.shape, limit: 1 << 40) != nil else {
        throw NetworkFile.problem("its shape is absurd", node: node.name)
      }
      let operation = try node.operation.operation(node: node.name, sections)
      _ = graph.append(
        QuantizedNode(
          name: node.name, operation: operation, operands: node.operands.map(ValueID.init),
          type: QuantizedType(
            shape: TensorShape(node.shape), element: node.element, scale: node.scale,
            zeroPoint: node.zeroPoint)))
    }
    graph.outputs = outputs.map(ValueID.init)
    return graph
  }
}

struct NodeRecord: Codable {
  var name: String
  var operands: [Int]
  var shape: [Int]
  var element: QuantizedElement
  var scale: Float
  var zeroPoint: Int
  var operation: OperationRecord
}

extension UInt8 {
  /// White space between JSON's tokens.
  fileprivate var isJSONSpace: Bool { [0x20, 0x09, 0x0A, 0x0D].contains(self) }
}
