import AdderGraph
import Foundation

/// The integer weight matrices of a real network, where they are at hand.
enum SharedMatrices {
  static let directory: URL? = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["DEEPFREEZE_SHARED"].map { URL(filePath: $0) }
    let candidates = [named, root.appending(path: "../shared")]
    return candidates.compactMap { $0?.appending(path: "matrices") }
      .first { FileManager.default.fileExists(atPath: $0.appending(path: "index.json").path) }
  }()

  static var areThere: Bool { directory != nil }

  /// A two-dimensional little-endian integer array of NumPy's format, version 1.
  static func load(_ name: String) throws -> ConstantMatrix {
    let data = [UInt8](try Data(contentsOf: directory!.appending(path: name + ".npy")))
    let headerLength = Int(data[8]) | Int(data[9]) << 8
    let header = String(decoding: data[10..<10 + headerLength], as: UTF8.self)
    let shape = header.split(separator: "(")[1].split(separator: ")")[0].split(separator: ",")
      .compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    let type = header.components(separatedBy: "'descr': '")[1].prefix(3)
    let width = Int(String(type.last!))!
    precondition(type.dropLast() == "<i" || type.dropLast() == "|i", "an integer matrix")
    let start = 10 + headerLength
    let values = (0..<shape[0] * shape[1]).map { index in
      var bits: UInt64 = 0
      for byte in 0..<width {
        bits |= UInt64(data[start + index * width + byte]) << UInt64(8 * byte)
      }
      let unused = UInt64(64 - 8 * width)
      return Int(Int64(bitPattern: bits << unused) >> Int64(unused))
    }
    return ConstantMatrix(inputs: shape[0], outputs: shape[1], values: values)
  }

  static var names: [String] {
    guard let directory else { return [] }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return files.filter { $0.hasSuffix(".npy") && !$0.hasSuffix(".bias.npy") }
      .map { String($0.dropLast(4)) }.sorted()
  }
}
