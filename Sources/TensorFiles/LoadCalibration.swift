import Foundation
import NeuralGraph

/// Reads the images that activation ranges are calibrated with: all PNG, PPM, PGM and BMP files of
/// a folder, in the order of their names, or one such file. Each becomes a tensor of `shape`
/// ([1, H, W, 1] or [1, H, W, 3]) with pixels of 0 to 255.
///
/// Throws when there is no image, one cannot be read, or one has another size and `resize` is not
/// given; each diagnostic names its file, and all are thrown at once.
public func loadCalibrationImages(
  _ path: String, shape: TensorShape, resize: Bool
) throws(Diagnostics) -> [FloatTensor] {
  guard shape.isImage, shape.channels == 1 || shape.channels == 3 else {
    throw Diagnostics(
      Diagnostic(
        "the network takes \(shape), which is no grey or RGB image: it cannot be calibrated with "
          + "images"))
  }
  var problems: [Diagnostic] = []
  var images: [FloatTensor] = []
  for file in try imageFiles(path) {
    do throws(Diagnostics) {
      let image = try PixelImage(file: readFile(file))
      guard resize || (image.width == shape.width && image.height == shape.height) else {
        throw Diagnostics(
          Diagnostic(
            "the image is \(image.width)x\(image.height) pixels (width x height); the network "
              + "takes \(shape.width)x\(shape.height)", remedy: "add --resize to scale it"))
      }
      let samples = image.converted(toChannels: shape.channels)
        .resized(width: shape.width, height: shape.height).samples
      images.append(FloatTensor(shape: shape, values: samples.map(Float.init)))
    } catch {
      problems += error.inFile(file).all
    }
  }
  guard problems.isEmpty else { throw Diagnostics(problems) }
  return images
}

private func imageFiles(_ path: String) throws(Diagnostics) -> [String] {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw Diagnostics(Diagnostic("the folder of calibration images does not exist", file: path))
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
