import NeuralGraph

/// Reads the images that activation ranges are calibrated with: all PNG, PPM, PGM and BMP files of
/// a folder, in the order of their names, one such file, or an IDX file. Each becomes a tensor of
/// `shape` ([1, H, W, 1] or [1, H, W, 3]) with pixels of 0 to 255. Of more than `limit` images as many
/// are taken, evenly spaced.
///
/// Throws when there is no image, one cannot be read, or one has another size and `resize` is not
/// given; each diagnostic names its file, and all are thrown at once.
public func loadCalibrationImages(
  _ path: String, shape: TensorShape, resize: Bool, limit: Int = .max
) throws(Diagnostics) -> [FloatTensor] {
  try ImageSet(path: path).spread(shape: shape, resize: resize, limit: limit).map {
    FloatTensor(shape: shape, values: $0.map(Float.init))
  }
}

extension ImageSet {
  /// The samples of up to `limit` images, evenly spaced over the set; throws as `samples` does, the
  /// problems of all images at once.
  public func spread(
    shape: TensorShape, resize: Bool, limit: Int
  ) throws(Diagnostics) -> [[UInt8]] {
    precondition(limit > 0, "a set is spread over one image at least")
    var problems: [Diagnostic] = []
    var images: [[UInt8]] = []
    let taken = min(count, limit)
    for number in 0..<taken {
      do throws(Diagnostics) {
        let index = number * count / taken
        images.append(try samples(index, for: shape, resize: resize))
      } catch {
        problems += error.all
        // Images of an array are all alike.
        if problems.count >= 20 { break }
      }
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    return images
  }
}
