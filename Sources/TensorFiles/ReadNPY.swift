import NeuralGraph

extension NPYArray {
  /// Reads a `.npy` file's bytes. Arrays in Fortran order are brought to row-major order.
  /// Throws a diagnostic for anything that is no such file, for other element types, and when the
  /// data does not have the size that the header says.
  public init(npy file: [UInt8]) throws(Diagnostics) {
    do throws(Diagnostic) {
      let header = try NPYHeader(file)
      let data = Array(file[header.dataStart...])
      self.init(
        shape: header.shape, element: header.element,
        bytes: header.isFortranOrder ? rowMajor(data, header.shape, header.element.size) : data)
    } catch {
      throw Diagnostics(error)
    }
  }
}

/// Reverses the order of the dimensions in memory: first index fastest to last index fastest.
private func rowMajor(_ data: [UInt8], _ shape: [Int], _ size: Int) -> [UInt8] {
  var strides: [Int] = []
  var stride = size
  for extent in shape {
    strides.append(stride)
    stride *= extent
  }
  var result: [UInt8] = []
  result.reserveCapacity(data.count)
  var position = [Int](repeating: 0, count: shape.count)
  var source = 0
  while result.count < data.count {
    result.append(contentsOf: data[source..<source + size])
    var dimension = shape.count - 1
    while dimension >= 0 {
      position[dimension] += 1
      source += strides[dimension]
      if position[dimension] < shape[dimension] { break }
      source -= strides[dimension] * shape[dimension]
      position[dimension] = 0
      dimension -= 1
    }
  }
  return result
}

/// The header of a `.npy` file: a Python dictionary literal with three keys.
private struct NPYHeader {
  var element: NPYElement
  var isFortranOrder: Bool
  var shape: [Int]
  var dataStart: Int

  init(_ file: [UInt8]) throws(Diagnostic) {
    guard file.count >= 10, Array(file[0..<6]) == NPYArray.magic else {
      throw Diagnostic("this is no .npy file", byteOffset: 0)
    }
    let version = file[6]
    guard (1...3).contains(version) else {
      throw Diagnostic("the .npy format version \(version) cannot be read", byteOffset: 6)
    }
    let lengthBytes = version == 1 ? 2 : 4
    guard file.count >= 8 + lengthBytes else {
      throw Diagnostic("the .npy header is truncated", byteOffset: 8)
    }
    let length = file[8..<8 + lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
    dataStart = 8 + lengthBytes + length
    guard length <= 65_536, dataStart <= file.count else {
      throw Diagnostic("the .npy header of \(length) bytes is truncated", byteOffset: 8)
    }
    var scanner = PythonScanner(bytes: file, position: 8 + lengthBytes, end: dataStart)
    let fields = try scanner.header()
    guard let name = fields.descriptor, let shape = fields.shape,
      let order = fields.isFortranOrder
    else {
      throw Diagnostic(
        "the .npy header lacks 'descr', 'fortran_order' or 'shape'", byteOffset: 8)
    }
    guard let element = NPYElement(rawValue: name) ?? NPYElement(rawValue: "|" + name.dropFirst())
    else {
      let known = NPYElement.allCases.map(\.rawValue).joined(separator: " ")
      throw Diagnostic(
        "the .npy element type '\(name)' cannot be read", byteOffset: 8,
        remedy: "save the array as one of \(known)")
    }
    let bytes = file.count - dataStart
    guard let count = TensorShape.checkedElementCount(shape, limit: bytes),
      count * element.size == bytes
    else {
      throw Diagnostic(
        "the .npy header says \(shape) elements of \(element.size) bytes, but \(bytes) bytes follow",
        byteOffset: dataStart)
    }
    self.element = element
    self.shape = shape
    isFortranOrder = order
  }
}

/// Reads the dictionary literal of a `.npy` header: strings, True, False and tuples of integers.
private struct PythonScanner {
  let bytes: [UInt8]
  var position: Int
  let end: Int

  typealias Fields = (descriptor: String?, isFortranOrder: Bool?, shape: [Int]?)

  mutating func header() throws(Diagnostic) -> Fields {
    var fields: Fields = (nil, nil, nil)
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr": fields.descriptor = try string()
      case "fortran_order": fields.isFortranOrder = try boolean()
      case "shape": fields.shape = try tuple()
      default: throw Diagnostic("the .npy header has the key '\(key)'", byteOffset: position)
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    return fields
  }

  private mutating func skipSpace() {
    while position < end, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[position]) { position += 1 }
  }

  /// Steps over a character if it comes next.
  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard position < end, bytes[position] == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Character) throws(Diagnostic) {
    guard take(character) else {
      throw Diagnostic("the .npy header lacks '\(character)' here", byteOffset: position)
    }
  }

  private mutating func string() throws(Diagnostic) -> String {
    skipSpace()
    guard position < end, bytes[position] == 0x27 || bytes[position] == 0x22,
      let close = bytes[position + 1..<end].firstIndex(of: bytes[position])
    else { throw Diagnostic("the .npy header lacks a string here", byteOffset: position) }
    defer { position = close + 1 }
    return String(decoding: bytes[position + 1..<close], as: UTF8.self)
  }

  private mutating func boolean() throws(Diagnostic) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where bytes[position..<end].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw Diagnostic("the .npy header lacks True or False here", byteOffset: position)
  }

  private mutating func tuple() throws(Diagnostic) -> [Int] {
    try expect("(")
    var values: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = bytes[position..<end].prefix { (0x30...0x39).contains($0) }
      guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self)),
        values.count < 32
      else { throw Diagnostic("the .npy shape is damaged", byteOffset: position) }
      position += digits.count
      values.append(value)
      if !take(",") {
        try expect(")")
        break
      }
    }
    return values
  }
}
