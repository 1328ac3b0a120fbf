import NeuralGraph
import TensorFiles
import Testing

@Suite("Images in files")
struct ImageTests {
  @Test("An RGB image is the same from PNG, BMP and PPM")
  func rgb() throws {
    let wanted = PixelImage(width: 7, height: 5, channels: 3, samples: Fixture.rgbSamples)
    #expect(try PixelImage(file: Fixture.rgbPNG) == wanted)
    #expect(try PixelImage(file: Fixture.rgbBMP) == wanted)
    #expect(try PixelImage(file: Fixture.rgbPPM) == wanted)
  }

  @Test("A grey image is the same from interlaced PNG, BMP with a grey palette, and PGM")
  func grey() throws {
    let wanted = PixelImage(width: 5, height: 6, channels: 1, samples: Fixture.interlacedSamples)
    #expect(try PixelImage(file: Fixture.interlacedPNG) == wanted)
    #expect(try PixelImage(file: Fixture.greyBMP) == wanted)
    #expect(try PixelImage(file: Fixture.greyPGM) == wanted)
  }

  @Test("A palette becomes RGB, from PNG and BMP")
  func palette() throws {
    #expect(try PixelImage(file: Fixture.palettePNG).samples == Fixture.paletteSamples)
    #expect(try PixelImage(file: Fixture.paletteBMP).samples == Fixture.paletteSamples)
  }

  @Test("Alpha is dropped, from PNG and 32-bit BMP")
  func alpha() throws {
    #expect(try PixelImage(file: Fixture.alphaPNG).samples == Fixture.alphaSamples)
    #expect(try PixelImage(file: Fixture.alphaBMP).samples == Fixture.alphaSamples)
  }

  @Test("16-bit samples keep their high byte and gamma is left alone")
  func sixteenBits() throws {
    #expect(try PixelImage(file: Fixture.grey16PNG).samples == Fixture.grey16Samples)
  }

  @Test("1-bit samples become 0 and 255")
  func oneBit() throws {
    #expect(try PixelImage(file: Fixture.bitPNG).samples == Fixture.bitSamples)
  }

  @Test("RGB becomes grey as in Pillow, and grey becomes RGB of equal samples")
  func conversion() throws {
    let image = try PixelImage(file: Fixture.rgbPNG)
    #expect(image.converted(toChannels: 1).samples == Fixture.greyOfRGB)
    let grey = PixelImage(width: 2, height: 1, channels: 1, samples: [7, 200])
    #expect(grey.converted(toChannels: 3).samples == [7, 7, 7, 200, 200, 200])
  }

  @Test("Resizing equals Pillow's bilinear filter, smaller, larger and along one side")
  func resize() throws {
    let image = try PixelImage(file: Fixture.rgbPNG)
    #expect(image.resized(width: 4, height: 3).samples == Fixture.rgb4x3)
    #expect(image.resized(width: 11, height: 8).samples == Fixture.rgb11x8)
    #expect(image.resized(width: 7, height: 2).samples == Fixture.rgb7x2)
    #expect(image.resized(width: 1, height: 1).samples == Fixture.rgb1x1)
    #expect(image.resized(width: 7, height: 5) == image)
  }

  static let files = [
    Fixture.rgbPNG, Fixture.palettePNG, Fixture.interlacedPNG, Fixture.rgbBMP, Fixture.paletteBMP,
    Fixture.rgbPPM, Fixture.greyPGM,
  ]

  @Test("A file cut at any length is refused, or cut behind its pixels", arguments: files)
  func truncated(file: [UInt8]) throws {
    let whole = try PixelImage(file: file)
    for length in 0..<file.count {
      guard let image = try? PixelImage(file: Array(file[..<length])) else { continue }
      #expect(image == whole)
      #expect(file.starts(with: Array("BM".utf8)))
    }
  }

  @Test("2,000 damaged files end in an image or a diagnostic")
  func mutated() {
    var random = SplitMix(seed: 1)
    for round in 0..<2000 {
      var file = Self.files[round % Self.files.count]
      for _ in 0..<1 + Int(random.next() % 4) {
        file[Int(random.next() % UInt64(file.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      do {
        let image = try PixelImage(file: file)
        #expect(image.samples.count == image.width * image.height * image.channels)
      } catch {
        #expect(error.all.count == 1)
      }
    }
  }

  @Test("Absurd extents are refused before anything is allocated")
  func absurd() {
    var bitmap = Fixture.rgbBMP
    bitmap.replaceSubrange(18..<26, with: [255, 255, 255, 127, 255, 255, 255, 127])
    #expect(throws: Diagnostics.self) { try PixelImage(file: bitmap) }
    let pixels = Array("P6 99999999999 99999999999 255\n".utf8)
    #expect(throws: Diagnostics.self) { try PixelImage(file: pixels) }
    let overflow = Array("P6 99999999999999999999999 1 255\n".utf8)
    #expect(throws: Diagnostics.self) { try PixelImage(file: overflow) }
  }

  @Test(
    "What cannot be read is named",
    arguments: [
      ([0xFF, 0xD8, 0xFF, 0xE0], "JPEG"), (Array("hello".utf8), "no image"),
      (Array("P6 1 1 65535 ".utf8), "65535"), ([], "no image"),
    ] as [([UInt8], String)])
  func unsupported(file: [UInt8], word: String) throws {
    let error = #expect(throws: Diagnostics.self) { try PixelImage(file: file) }
    #expect(error?.description.contains(word) == true)
  }
}

/// A small seeded generator (SplitMix64).
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
