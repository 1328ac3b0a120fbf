import CPlatform

/// As `readFile`; what is packed by gzip is unpacked by zlib, and `limit` holds for both sizes.
public func readUnpackedFile(
  _ path: String, limit: Int = maximumFileSize
) throws(Diagnostics) -> [UInt8] {
  let bytes = try readFile(path, limit: limit)
  guard bytes.starts(with: [0x1f, 0x8b]) else { return bytes }
  do throws(Diagnostics) {
    return try gunzip(bytes, limit: limit)
  } catch {
    throw error.inFile(path)
  }
}

/// Unpacks gzip (RFC 1952), one member or several. Throws for data that is corrupt or ends too early, and
/// for more than `limit` bytes.
public func gunzip(_ packed: [UInt8], limit: Int) throws(Diagnostics) -> [UInt8] {
  var stream = z_stream()
  // 15 bits of window, and 32 for a header of gzip or zlib.
  guard
    inflateInit2_(&stream, 47, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
  else { throw Diagnostics(Diagnostic("zlib has no memory")) }
  defer { inflateEnd(&stream) }
  var unpacked: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  var status = Z_OK
  var position = 0
  while true {
    let (read, written) = packed.withUnsafeBufferPointer { source in
      chunk.withUnsafeMutableBufferPointer { target in
        let available = min(source.count - position, 1 << 30)
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress! + position)
        stream.avail_in = UInt32(available)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        status = inflate(&stream, Z_NO_FLUSH)
        return (available - Int(stream.avail_in), target.count - Int(stream.avail_out))
      }
    }
    position += read
    unpacked += chunk[..<written]
    guard unpacked.count <= limit else {
      throw Diagnostics(
        Diagnostic("the gzip file holds more than \(limit) bytes"))
    }
    if status == Z_STREAM_END {
      guard packed[position...].starts(with: [0x1f, 0x8b]) else { return unpacked }
      inflateReset(&stream)
    } else if status != Z_OK || (read == 0 && written == 0) {
      throw Diagnostics(
        Diagnostic(
          "the gzip file cannot be unpacked",
          remedy: "the file is truncated or damaged; get a new copy"))
    }
  }
}
