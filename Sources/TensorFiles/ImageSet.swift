import Foundation
import NeuralGraph

/// Many images: the files of a folder, or the array of an IDX file. Files are decoded when they
/// are asked for, and not kept.
public struct ImageSet: Sendable {
  private enum Source: Sendable {
    case files([String])
    case array([UInt8], height: Int, width: Int, channels: Int)
  }

  private let source: Source
  /// Where it was read from.
  public let path: String
  /// The number of images, at least 1.
  public let count: Int

  /// Opens a folder (its PNG, PPM, PGM and BMP files in the order of their names), an image file or
  /// an IDX file, gzipped or not. Throws a diagnostic when there is no image.
  public init(path: String) throws(Diagnostics) {
    self.path = path
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard exists, !isFolder.boolValue else {
      let files = try imageFiles(path)
      source = .files(files)
      count = files.count
      return
    }
    let bytes = try readFile(path)
    guard IDXArray.recognizes(bytes) else {
      source = .files([path])
      count = 1
      return
    }
    do throws(Diagnostics) {
      let array = try IDXArray(file: bytes)
      let extents = array.dimensions
      guard extents.count >= 3, extents.count == 3 || extents[3] == 1 || extents[3] == 3 else {
        throw Diagnostics(
          Diagnostic(
            "the array is \(TensorShape(extents)), not images",
            remedy: "give images x height x width, with a last extent of 1 or 3 if any"))
      }
      source = .array(
        array.bytes, height: extents[1], width: extents[2],
        channels: extents.count == 4 ? extents[3] : 1)
      count = extents[0]
    } catch {
      throw error.inFile(path)
    }
  }

  /// A file's name, or the number of an array's image from 0.
  public func name(_ index: Int) -> String {
    switch source {
    case .files(let files): String(files[index].split(separator: "/").last ?? "")
    case .array: String(index)
    }
  }

  /// One image. Throws a diagnostic that names the file when it cannot be decoded.
  public func image(_ index: Int) throws(Diagnostics) -> PixelImage {
    switch source {
    case .files(let files):
      do throws(Diagnostics) {
        return try PixelImage(file: readFile(files[index]))
      } catch {
        throw error.inFile(files[index])
      }
    case .array(let bytes, let height, let width, let channels):
      let size = height * width * channels
      return PixelImage(
        width: width, height: height, channels: channels,
        samples: Array(bytes[index * size..<(index + 1) * size]))
    }
  }

  /// One image's samples as a network of `shape` ([1, H, W, 1] or [1, H, W, 3]) takes them, 0 to
  /// 255. Throws when the sizes differ and `resize` is not given.
  public func samples(
    _ index: Int, for shape: TensorShape, resize: Bool
  ) throws(Diagnostics) -> [UInt8] {
    guard shape.isImage, shape.channels == 1 || shape.channels == 3 else {
      throw Diagnostics(
        Diagnostic(
          "the network takes \(shape), which is no grey or RGB image: it cannot be given images"))
    }
    let image = try image(index)
    guard resize || (image.width == shape.width && image.height == shape.height) else {
      var place = path
      if case .files(let files) = source { place = files[index] }
      throw Diagnostics(
        Diagnostic(
          "the image is \(image.width)x\(image.height) pixels (width x height); the network takes "
            + "\(shape.width)x\(shape.height)", file: place, remedy: "add --resize to scale it"))
    }
    return image.converted(toChannels: shape.channels)
      .resized(width: shape.width, height: shape.height).samples
  }
}

/// The image files of a folder in the order of their names, or the one file that `path` is. Throws
/// when there is none.
func imageFiles(_ path: String) throws(Diagnostics) -> [String] {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw Diagnostics(Diagnostic("the folder of images does not exist", file: path))
  }
  guard isFolder.boolValue else { return [path] }
  let names: [String]
  do {
    names = try FileManager.default.contentsOfDirectory(atPath: path)
  } catch {
    throw Diagnostics(Diagnostic("the folder cannot be read", file: path))
  }
  let images = names.filter { name in
    ["png", "ppm", "pgm", "bmp"].contains(name.split(separator: ".").last?.lowercased() ?? "")
  }
  guard !images.isEmpty else {
    throw Diagnostics(
      Diagnostic(
        "the folder holds no image", file: path, remedy: "give PNG, PPM, PGM or BMP files"))
  }
  return images.sorted().map { path + "/" + $0 }
}
