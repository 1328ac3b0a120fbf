import NeuralGraph
import Testing

@Suite struct GunzipTests {
  /// `printf 'frozen\n' | gzip -n`.
  private static let packed: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x4b, 0x2b, 0xca, 0xaf, 0x4a, 0xcd,
    0xe3, 0x02, 0x00, 0xf3, 0x0c, 0xb7, 0x79, 0x07, 0x00, 0x00, 0x00,
  ]

  @Test("packed bytes are unpacked, several members behind one another")
  func unpacked() throws {
    let text = Array("frozen\n".utf8)
    #expect(try gunzip(Self.packed, limit: 7) == text)
    #expect(try gunzip(Self.packed + Self.packed, limit: 14) == text + text)
  }

  @Test("cut, damaged and too large data is refused")
  func refused() {
    for count in 2..<Self.packed.count {
      #expect(throws: Diagnostics.self) { try gunzip(Array(Self.packed[..<count]), limit: 100) }
    }
    var damaged = Self.packed
    damaged[20] ^= 1
    #expect(throws: Diagnostics.self) { try gunzip(damaged, limit: 100) }
    #expect(throws: Diagnostics.self) { try gunzip(Self.packed, limit: 6) }
  }
}
