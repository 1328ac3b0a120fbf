import CPlatform
import NeuralGraph

/// An 8-bit image: grey (1 channel) or red, green, blue (3), row by row from the top.
public struct PixelImage: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// 1 or 3.
  public let channels: Int
  /// `height * width * channels` samples; the channel is the innermost index.
  public let samples: [UInt8]

  /// Images with more samples than this are refused.
  public static let maximumSamples = 1 << 27

  /// Takes samples in row-major order.
  public init(width: Int, height: Int, channels: Int, samples: [UInt8]) {
    precondition(channels == 1 || channels == 3, "an image is grey or RGB")
    precondition(
      width > 0 && height > 0 && samples.count == width * height * channels,
      "an image has height * width * channels samples")
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  /// Decodes a PNG, BMP, PGM (P5) or PPM (P6) file; which one, is told by its content.
  /// Throws a diagnostic when it is none of them, damaged, or of an unsupported kind.
  public init(file bytes: [UInt8]) throws(Diagnostics) {
    do throws(Diagnostic) {
      if bytes.starts(with: [0x89] + Array("PNG\r\n".utf8)) {
        self = try decodePNG(bytes)
      } else if bytes.starts(with: Array("BM".utf8)) {
        self = try decodeBMP(bytes)
      } else if bytes.starts(with: Array("P5".utf8)) || bytes.starts(with: Array("P6".utf8)) {
        self = try decodePNM(bytes)
      } else {
        let isJPEG = bytes.starts(with: [0xFF, 0xD8, 0xFF])
        throw Diagnostic(
          isJPEG ? "JPEG images cannot be read" : "this is no image that can be read",
          remedy: "convert it to PNG, PPM, PGM, BMP or NPY")
      }
    } catch {
      throw Diagnostics(error)
    }
  }

  /// Checks an image's extents before anything is allocated for it.
  static func checkExtents(
    width: Int, height: Int, channels: Int, byteOffset: Int
  ) throws(Diagnostic) {
    let count = TensorShape.checkedElementCount(
      [width, height, channels], limit: maximumSamples)
    guard let count, count > 0 else {
      throw Diagnostic(
        "the image is \(width)x\(height) pixels; 1 to \(maximumSamples / channels) pixels are read",
        byteOffset: byteOffset)
    }
  }

  /// The image with 1 or 3 channels. Grey is the ITU-R 601 luma in 16-bit fixed point,
  /// `(19595 R + 38470 G + 7471 B + 2^15) >> 16`, as Pillow computes it.
  public func converted(toChannels wanted: Int) -> PixelImage {
    precondition(wanted == 1 || wanted == 3, "an image is grey or RGB")
    guard wanted != channels else { return self }
    let converted: [UInt8]
    if wanted == 3 {
      converted = samples.flatMap { [$0, $0, $0] }
    } else {
      converted = stride(from: 0, to: samples.count, by: 3).map { index in
        let (red, green) = (Int(samples[index]), Int(samples[index + 1]))
        let blue = Int(samples[index + 2])
        return UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
      }
    }
    return PixelImage(width: width, height: height, channels: wanted, samples: converted)
  }
}

/// Decodes a PNG file through libpng.
private func decodePNG(_ bytes: [UInt8]) throws(Diagnostic) -> PixelImage {
  var message = [CChar](repeating: 0, count: 256)
  func failure() -> Diagnostic {
    let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return Diagnostic(
      "the PNG image cannot be decoded: \(String(decoding: text, as: UTF8.self))",
      remedy: "the file is truncated or damaged; get a new copy")
  }
  var info = df_png_info()
  guard df_png_read_info(bytes, bytes.count, &info, &message, message.count) == 1 else {
    throw failure()
  }
  let (width, height, channels) = (Int(info.width), Int(info.height), Int(info.channels))
  try PixelImage.checkExtents(width: width, height: height, channels: channels, byteOffset: 16)
  var samples = [UInt8](repeating: 0, count: width * height * channels)
  guard
    df_png_read_samples(
      bytes, bytes.count, &samples, samples.count, &message, message.count) == 1
  else { throw failure() }
  return PixelImage(width: width, height: height, channels: channels, samples: samples)
}

/// Decodes a binary PGM or PPM file (P5, P6) with samples up to 255.
/// Source: the Netpbm formats (https://netpbm.sourceforge.net/doc/ppm.html).
private func decodePNM(_ bytes: [UInt8]) throws(Diagnostic) -> PixelImage {
  var position = 2
  func number(_ what: String) throws(Diagnostic) -> Int {
    while position < bytes.count, isSpace(bytes[position]) || bytes[position] == 0x23 {
      if bytes[position] == 0x23 {
        while position < bytes.count, bytes[position] != 0x0A { position += 1 }
      } else {
        position += 1
      }
    }
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
    guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw Diagnostic("the PNM header lacks its \(what)", byteOffset: start)
    }
    return value
  }
  let channels = bytes[1] == 0x35 ? 1 : 3
  let width = try number("width")
  let height = try number("height")
  let maximum = try number("maximum")
  guard maximum == 255 else {
    throw Diagnostic(
      "the PNM image's samples go up to \(maximum); 255 is supported", byteOffset: position)
  }
  try PixelImage.checkExtents(width: width, height: height, channels: channels, byteOffset: 2)
  // One white-space byte ends the header.
  let start = position + 1
  let count = width * height * channels
  guard position < bytes.count, isSpace(bytes[position]), bytes.count - start >= count else {
    throw Diagnostic(
      "the PNM image is truncated: \(count) bytes of samples are needed, "
        + "\(max(0, bytes.count - start)) follow", byteOffset: position)
  }
  return PixelImage(
    width: width, height: height, channels: channels,
    samples: Array(bytes[start..<start + count]))
}

private func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains(byte) }
