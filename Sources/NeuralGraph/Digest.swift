import CPlatform

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits (computed by libcrypto).
public func sha256Hex(_ bytes: [UInt8]) -> String {
  let digest = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
    _ = SHA256(bytes, bytes.count, buffer.baseAddress)
    count = 32
  }
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
