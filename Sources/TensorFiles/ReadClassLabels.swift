import NeuralGraph

/// Reads the class of each image of a set: an IDX file of bytes (gzipped or not), or a text file
/// with, on each line, a class for the images in their order, or an image's name and its class
/// (separated by white space or a comma) in any order. Empty lines are passed over.
///
/// Throws when there are more or fewer labels than images, an image has none or two, a line is
/// neither, or a class is not in 0 ..< `classes`; all that is found at once, up to ten.
public func readClassLabels(
  _ path: String, for images: ImageSet, classes: Int
) throws(Diagnostics) -> [Int] {
  do throws(Diagnostics) {
    let bytes = try readFile(path)
    let labels =
      IDXArray.recognizes(bytes)
      ? try labelArray(bytes) : try labelLines(String(decoding: bytes, as: UTF8.self), images)
    guard labels.count == images.count else {
      throw Diagnostics(
        Diagnostic(
          "the file has \(labels.count) labels for \(images.count) images",
          remedy: "give one label an image"))
    }
    let wrong = labels.enumerated().filter { !(0..<classes).contains($0.element) }
    guard wrong.isEmpty else {
      throw Diagnostics(
        wrong.prefix(10).map { index, label in
          Diagnostic(
            "image \(images.name(index)) has class \(label); the network has classes 0 to "
              + "\(classes - 1)")
        })
    }
    return labels
  } catch {
    throw error.inFile(path)
  }
}

private func labelArray(_ bytes: [UInt8]) throws(Diagnostics) -> [Int] {
  let array = try IDXArray(file: bytes)
  guard array.dimensions.count == 1 else {
    throw Diagnostics(
      Diagnostic(
        "the array is \(TensorShape(array.dimensions)), not a list of labels",
        remedy: "give the IDX file with one byte an image"))
  }
  return array.bytes.map(Int.init)
}

private func labelLines(_ text: String, _ images: ImageSet) throws(Diagnostics) -> [Int] {
  var problems: [Diagnostic] = []
  var inOrder: [Int] = []
  var byName: [String: Int] = [:]
  for (number, line) in text.split(
    omittingEmptySubsequences: false, whereSeparator: \.isNewline
  ).enumerated() {
    let parts = line.split { $0 == "," || $0.isWhitespace }
    guard let last = parts.last else { continue }
    guard let label = Int(last), parts.count <= 2 else {
      problems.append(
        Diagnostic(
          "line \(number + 1) is neither a class number nor a name and one",
          remedy: "write '7' or 'cat.png 7'"))
      continue
    }
    if parts.count == 1 {
      inOrder.append(label)
    } else if byName.updateValue(label, forKey: String(parts[0])) != nil {
      problems.append(Diagnostic("line \(number + 1): \(parts[0]) has a class already"))
    }
  }
  if !byName.isEmpty {
    if !inOrder.isEmpty {
      problems.append(Diagnostic("some lines name an image and some do not"))
    }
    for index in 0..<images.count {
      guard let label = byName[images.name(index)] else {
        problems.append(Diagnostic("image \(images.name(index)) has no label"))
        continue
      }
      inOrder.append(label)
    }
  }
  guard problems.isEmpty else { throw Diagnostics(Array(problems.prefix(10))) }
  return inOrder
}
