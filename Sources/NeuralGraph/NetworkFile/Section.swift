/// A run of numbers in `network.bin`, little-endian.
struct Section: Hashable, Codable {
  /// Bytes from the begin of the file.
  var offset: Int
  /// Numbers, not bytes.
  var count: Int
}

/// Collects the numbers of `network.bin`. Sections follow one another, each at a multiple of 8.
struct SectionWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append<Number: FixedWidthInteger>(_ numbers: [Number]) -> Section {
    while bytes.count % 8 != 0 { bytes.append(0) }
    let section = Section(offset: bytes.count, count: numbers.count)
    bytes.reserveCapacity(bytes.count + numbers.count * Number.bitWidth / 8)
    for number in numbers {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return section
  }
}

/// Reads the numbers of `network.bin`; a section that leaves the file is a diagnostic.
struct SectionReader {
  let bytes: [UInt8]

  func read<Number: FixedWidthInteger>(
    _ section: Section, as type: Number.Type, node: String
  ) throws(Diagnostics) -> [Number] {
    let size = Number.bitWidth / 8
    guard section.offset >= 0, section.count >= 0, section.offset <= bytes.count,
      section.count <= (bytes.count - section.offset) / size
    else {
      throw NetworkFile.problem("its weights lie outside \(NetworkFile.binaryName)", node: node)
    }
    return bytes.withUnsafeBytes { raw in
      (0..<section.count).map { index in
        Number(
          littleEndian: raw.loadUnaligned(
            fromByteOffset: section.offset + index * size, as: Number.self))
      }
    }
  }
}
