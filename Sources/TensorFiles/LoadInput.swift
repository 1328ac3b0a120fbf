import NeuralGraph

/// Reads a network's input tensor from a file.
///
/// - An image (PNG, PPM, PGM, BMP) is converted to the tensor's 1 or 3 channels; a uint8 code is the
///   sample, an int8 code is the sample minus 128. Its size must be the tensor's unless `resize`,
///   which scales it bilinearly (equal to Pillow's).
/// - A `.npy` file holds the codes themselves, of any integer type; every one must be a code of the
///   tensor's type. Its shape is the tensor's, NHWC, dimensions of one aside, or it is flat.
/// - With `rawBytes` an image's samples are the tensor's bytes, reinterpreted: images that were made
///   for one network hold int8 codes this way.
///
/// Throws a diagnostic that names the file when it does not fit.
public func loadInput(
  _ path: String, for type: QuantizedType, resize: Bool = false, rawBytes: Bool = false
) throws(Diagnostics) -> IntegerTensor {
  do throws(Diagnostics) {
    let bytes = try readFile(path)
    if bytes.starts(with: NPYArray.magic) {
      return try tensor(of: NPYArray(npy: bytes), for: type)
    }
    return try tensor(
      of: PixelImage(file: bytes), for: type, resize: resize, rawBytes: rawBytes)
  } catch {
    throw error.inFile(path)
  }
}

/// An array's elements as the codes of a tensor.
private func tensor(
  of array: NPYArray, for type: QuantizedType
) throws(Diagnostics) -> IntegerTensor {
  guard array.count == type.shape.elementCount else {
    throw Diagnostics(
      Diagnostic(
        "the array has the shape \(array.shape), \(array.count) elements; the network takes "
          + "\(type.shape), \(type.shape.elementCount) elements"))
  }
  guard
    array.shape.count == 1
      || array.shape.filter({ $0 != 1 }) == type.shape.dimensions.filter({ $0 != 1 })
  else {
    throw Diagnostics(
      Diagnostic(
        "the array has the shape \(array.shape), the network takes \(type.shape)",
        remedy: "order it as NHWC: transpose(0, 2, 3, 1) of an array in NCHW"))
  }
  if array.element == (type.element == .uint8 ? .uint8 : .int8) {
    return IntegerTensor(shape: type.shape, element: type.element, bytes: array.bytes)
  }
  let codes = try array.integers()
  guard let wrong = codes.first(where: { !type.element.range.contains($0) }) else {
    return IntegerTensor(shape: type.shape, element: type.element, codes: codes)
  }
  throw Diagnostics(
    Diagnostic(
      "the array holds \(wrong), which is no \(type.element.rawValue) code",
      remedy: "save the quantized input, as \(type.element.rawValue)"))
}

/// An image's samples as the codes of a tensor.
private func tensor(
  of image: PixelImage, for type: QuantizedType, resize: Bool, rawBytes: Bool
) throws(Diagnostics) -> IntegerTensor {
  let shape = type.shape
  guard shape.isImage, shape.channels == 1 || shape.channels == 3 else {
    throw Diagnostics(
      Diagnostic(
        "the network takes \(shape), which is no grey or RGB image",
        remedy: "give the input tensor as a .npy file"))
  }
  let fits = image.width == shape.width && image.height == shape.height
  guard fits || resize else {
    throw Diagnostics(
      Diagnostic(
        "the image is \(image.width)x\(image.height) pixels (width x height); the network takes "
          + "\(shape.width)x\(shape.height)", remedy: "add --resize to scale it"))
  }
  guard !rawBytes || (fits && image.channels == shape.channels) else {
    throw Diagnostics(
      Diagnostic(
        "raw bytes need an image of exactly \(shape.width)x\(shape.height) pixels and "
          + "\(shape.channels) channels; this one has \(image.width)x\(image.height) and "
          + "\(image.channels)"))
  }
  let samples = image.converted(toChannels: shape.channels)
    .resized(width: shape.width, height: shape.height).samples
  // sample - 128 in two's complement is the sample with its top bit turned.
  let bytes = type.element == .int8 && !rawBytes ? samples.map { $0 ^ 0x80 } : samples
  return IntegerTensor(shape: shape, element: type.element, bytes: bytes)
}
