import NeuralGraph

/// Decodes a Windows bitmap without compression: 8 bits with a palette, 24 or 32 bits; rows from
/// the bottom or from the top. A palette of greys gives a grey image.
/// Source: Microsoft's BITMAPINFOHEADER and its later versions.
func decodeBMP(_ bytes: [UInt8]) throws(Diagnostic) -> PixelImage {
  let header = try BMPHeader(bytes)
  let palette = try header.palette(bytes)
  let isGrey = palette?.allSatisfy { $0.0 == $0.1 && $0.1 == $0.2 } ?? false
  let channels = isGrey ? 1 : 3
  try PixelImage.checkExtents(
    width: header.width, height: header.height, channels: channels, byteOffset: 18)
  // Rows are padded to 32 bits.
  let stride = (header.width * header.bits + 31) / 32 * 4
  guard header.dataStart >= 0, header.dataStart <= bytes.count,
    stride * header.height <= bytes.count - header.dataStart
  else {
    throw Diagnostic(
      "the BMP image is truncated: \(stride * header.height) bytes of pixels at byte "
        + "\(header.dataStart) are needed, the file has \(bytes.count)", byteOffset: 10)
  }
  var samples: [UInt8] = []
  samples.reserveCapacity(header.width * header.height * channels)
  for row in 0..<header.height {
    let line = header.dataStart + (header.isTopDown ? row : header.height - 1 - row) * stride
    for column in 0..<header.width {
      guard let palette else {
        let pixel = line + column * header.bits / 8
        samples += [bytes[pixel + 2], bytes[pixel + 1], bytes[pixel]]
        continue
      }
      let code = Int(bytes[line + column])
      guard code < palette.count else {
        throw Diagnostic(
          "a pixel has the color \(code), but the palette has \(palette.count)",
          byteOffset: line + column)
      }
      samples.append(palette[code].0)
      if !isGrey { samples += [palette[code].1, palette[code].2] }
    }
  }
  return PixelImage(
    width: header.width, height: header.height, channels: channels, samples: samples)
}

/// The parts of a bitmap's two headers that matter.
private struct BMPHeader {
  var dataStart: Int
  var headerSize: Int
  var width: Int
  var height: Int
  var isTopDown: Bool
  var bits: Int
  var colors: Int

  init(_ bytes: [UInt8]) throws(Diagnostic) {
    func number(_ position: Int, _ size: Int) throws(Diagnostic) -> Int {
      guard position + size <= bytes.count else {
        throw Diagnostic("the BMP header is truncated", byteOffset: position)
      }
      return bytes[position..<position + size].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    dataStart = try number(10, 4)
    headerSize = try number(14, 4)
    guard headerSize >= 40, headerSize <= 4096 else {
      throw Diagnostic(
        "the BMP header has \(headerSize) bytes; 40 and more can be read", byteOffset: 14)
    }
    width = Int(Int32(truncatingIfNeeded: try number(18, 4)))
    let signedHeight = Int(Int32(truncatingIfNeeded: try number(22, 4)))
    isTopDown = signedHeight < 0
    height = abs(signedHeight)
    bits = try number(28, 2)
    let compression = try number(30, 4)
    colors = try number(46, 4)
    guard [8, 24, 32].contains(bits) else {
      throw Diagnostic(
        "the BMP image has \(bits) bits a pixel; 8, 24 and 32 are supported", byteOffset: 28)
    }
    guard width > 0, height > 0 else {
      throw Diagnostic("the BMP image is \(width)x\(signedHeight) pixels", byteOffset: 18)
    }
    // 3 is "bit fields": the usual masks mean the usual order.
    guard compression == 0 || (compression == 3 && bits == 32) else {
      throw Diagnostic("the BMP image is compressed (method \(compression))", byteOffset: 30)
    }
    if compression == 3 {
      let masks = [try number(54, 4), try number(58, 4), try number(62, 4)]
      guard masks == [0xFF0000, 0xFF00, 0xFF] else {
        throw Diagnostic("the BMP image has unusual color masks", byteOffset: 54)
      }
    }
  }

  /// Red, green, blue of each color of an 8-bit image; nil for other depths.
  func palette(_ bytes: [UInt8]) throws(Diagnostic) -> [(UInt8, UInt8, UInt8)]? {
    guard bits == 8 else { return nil }
    let count = colors == 0 ? 256 : colors
    let start = 14 + headerSize
    guard count <= 256, start + 4 * count <= bytes.count else {
      throw Diagnostic("the BMP palette of \(count) colors is truncated", byteOffset: start)
    }
    return (0..<count).map { color in
      let entry = start + 4 * color
      return (bytes[entry + 2], bytes[entry + 1], bytes[entry])
    }
  }
}
