import NeuralGraph

/// How NVDLA holds a tensor in memory, int8 (nvdla.org, hardware manual, "Data formats", feature data):
/// atoms of 32 channels of a pixel, a byte each, in surfaces of 32 channels, lines, pixels; packed, without
/// space between lines or surfaces. Channels that are missing in the last surface are 0.
public struct FeatureCube: Hashable, Sendable, Codable {
  /// Channels and bytes of an atom.
  public static let atom = 32

  public var surfaces: Int
  /// Bytes from a line, and from a surface, to the next.
  public var lineStride: Int
  public var surfaceStride: Int
  /// All bytes.
  public var size: Int
  /// Of the int8 codes: the tensor's own, or for uint8, whose codes become code - 128, 128 less.
  public var zeroPoint: Int

  /// The cube of a stream's tensor.
  public init(_ stream: DesignDescription.Stream) {
    surfaces = (stream.channels + Self.atom - 1) / Self.atom
    lineStride = stream.width * Self.atom
    surfaceStride = stream.height * lineStride
    size = surfaces * surfaceStride
    zeroPoint = stream.zeroPoint - (stream.element == .uint8 ? 128 : 0)
  }

  /// Bits of an address that hold `size` too.
  public var addressBits: Int { Int.bitWidth - size.leadingZeroBitCount }

  /// The byte at which the atom of a pixel begins.
  public func address(row: Int, column: Int, surface: Int) -> Int {
    surface * surfaceStride + row * lineStride + column * Self.atom
  }

  /// The cube's bytes of a tensor's codes, `[height, width, channels]` in raster order.
  public func pack(_ codes: [UInt8], _ stream: DesignDescription.Stream) -> [UInt8] {
    let flip: UInt8 = stream.element == .uint8 ? 0x80 : 0
    var bytes = [UInt8](repeating: 0, count: size)
    var index = 0
    for row in 0..<stream.height {
      for column in 0..<stream.width {
        for channel in 0..<stream.channels {
          let (surface, place) = channel.quotientAndRemainder(dividingBy: Self.atom)
          bytes[address(row: row, column: column, surface: surface) + place] = codes[index] ^ flip
          index += 1
        }
      }
    }
    return bytes
  }
}

/// The output in another form than pixels: a module around the design, beside its own Verilog.
public struct PackedOutput: Hashable, Sendable, Codable {
  /// The only form there is: NVDLA's feature data.
  public enum Format: String, Hashable, Sendable, Codable {
    case nvdla
  }

  /// The name of the packer's instance in the module.
  public static let packer = "packer"

  public var format: Format
  /// The module: the design and a packer behind it.
  public var module: String
  public var cube: FeatureCube
  /// Its files, besides the design's, and those that a simulation adds, by path.
  public var rtlFiles: [String]
  public var simulationFiles: [String]

  public init(
    format: Format, module: String, cube: FeatureCube, rtlFiles: [String],
    simulationFiles: [String]
  ) {
    self.format = format
    self.module = module
    self.cube = cube
    self.rtlFiles = rtlFiles
    self.simulationFiles = simulationFiles
  }
}
