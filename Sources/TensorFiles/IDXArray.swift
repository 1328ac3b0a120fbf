import NeuralGraph

/// Bytes in an IDX file, as the MNIST family of data sets is published: a magic number, the extents
/// as big-endian 32-bit integers, the bytes in row-major order. Gzipped files are unpacked.
/// Source: the MNIST database's page (Y. LeCun, C. Cortes, C. Burges), "the IDX file format".
public struct IDXArray: Hashable, Sendable {
  /// Outermost first: [images, height, width], [images, height, width, channels] or [labels].
  public let dimensions: [Int]
  /// As many as the product of the extents.
  public let bytes: [UInt8]

  /// True for a gzip file, and for an IDX file of any element type.
  public static func recognizes(_ bytes: some Collection<UInt8>) -> Bool {
    let start = Array(bytes.prefix(4))
    guard start.count == 4 else { return false }
    if start[0] == 0x1F, start[1] == 0x8B { return true }
    return start[0] == 0 && start[1] == 0 && (0x08...0x0E).contains(start[2])
      && (1...4).contains(start[3])
  }

  /// Reads a file's content, gzipped or not. Throws a diagnostic when it is damaged, holds other
  /// numbers than bytes, or more than `limit` of them.
  public init(file: [UInt8], limit: Int = maximumFileSize) throws(Diagnostics) {
    let content = file.starts(with: [0x1F, 0x8B]) ? try gunzip(file, limit: limit) : file
    func failure(_ message: String, _ offset: Int, _ remedy: String) -> Diagnostics {
      Diagnostics(Diagnostic(message, byteOffset: offset, remedy: remedy))
    }
    let damaged = "the file is truncated or damaged; get a new copy"
    guard content.count >= 4, Self.recognizes(content), content[0] == 0 else {
      throw failure(
        "this is no IDX file", 0, "give an IDX file (gzipped or not) or a folder of images")
    }
    guard content[2] == 0x08 else {
      throw failure(
        "the IDX file's elements are of type \(content[2]); bytes (8) are read", 2,
        "save the pixels as unsigned bytes")
    }
    let rank = Int(content[3])
    let header = 4 + 4 * rank
    guard content.count >= header else {
      throw failure("the IDX header is cut", content.count, damaged)
    }
    let dimensions = (0..<rank).map { index in
      (0..<4).reduce(0) { $0 << 8 | Int(content[4 + 4 * index + $1]) }
    }
    guard let count = TensorShape.checkedElementCount(dimensions, limit: limit), count > 0 else {
      let shape = dimensions.map(String.init).joined(separator: "x")
      throw failure("the IDX array is \(shape), which is empty or too large", 4, damaged)
    }
    guard content.count == header + count else {
      throw failure(
        "the IDX header says \(count) bytes, and \(content.count - header) follow", header, damaged)
    }
    self.dimensions = dimensions
    bytes = Array(content[header...])
  }
}
