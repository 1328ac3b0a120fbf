import NeuralGraph

// Typed access to a node's attributes. An absent attribute has the default of TensorFlow's operator
// definition; one of another kind is a diagnostic.
extension GraphDefNode {
  func integer(_ key: String, default value: Int) throws(Diagnostic) -> Int {
    switch attributes[key] {
    case nil: return value
    case .integer(let integer): return integer
    default: throw wrongKind(key, "an integer")
    }
  }

  func float(_ key: String, default value: Float) throws(Diagnostic) -> Float {
    switch attributes[key] {
    case nil: return value
    case .float(let float): return float
    default: throw wrongKind(key, "a number")
    }
  }

  func bool(_ key: String, default value: Bool) throws(Diagnostic) -> Bool {
    switch attributes[key] {
    case nil: return value
    case .bool(let bool): return bool
    default: throw wrongKind(key, "true or false")
    }
  }

  func string(_ key: String, default value: String) throws(Diagnostic) -> String {
    switch attributes[key] {
    case nil: return value
    case .string(let string): return string
    default: throw wrongKind(key, "a string")
    }
  }

  func integers(_ key: String, default value: [Int]) throws(Diagnostic) -> [Int] {
    switch attributes[key] {
    case nil: return value
    case .integers(let integers): return integers
    default: throw wrongKind(key, "a list of integers")
    }
  }

  func strings(_ key: String) throws(Diagnostic) -> [String] {
    switch attributes[key] {
    case nil, .integers([]): return []
    case .strings(let strings): return strings
    default: throw wrongKind(key, "a list of strings")
    }
  }

  private func wrongKind(_ key: String, _ kind: String) -> Diagnostic {
    problem("its attribute '\(key)' is not \(kind)")
  }

  /// A diagnostic at this node.
  func problem(_ message: String, remedy: String? = nil) -> Diagnostic {
    Diagnostic("\(operation): \(message)", node: name, remedy: remedy)
  }

  /// Throws unless the data format is NHWC, in which images are [N, H, W, C].
  func checkDataFormat() throws(Diagnostic) {
    let format = try string("data_format", default: "NHWC")
    guard format == "NHWC" else {
      throw problem(
        "its data format is \(format); only NHWC is supported",
        remedy: "export the model with channels last")
    }
  }

  /// The two inner numbers of a list [1, H, W, 1] of positive lengths.
  func spatialPair(_ key: String, default value: [Int]? = nil) throws(Diagnostic) -> (
    y: Int, x: Int
  ) {
    let list = try integers(key, default: value ?? [])
    guard list.count == 4, list[0] == 1, list[3] == 1, (1...(1 << 16)).contains(list[1]),
      (1...(1 << 16)).contains(list[2])
    else { throw problem("its attribute '\(key)' is \(list), not [1, H, W, 1]") }
    return (list[1], list[2])
  }

  /// SAME, VALID, or EXPLICIT with its list [0, 0, top, bottom, left, right, 0, 0].
  func padding() throws(Diagnostic) -> WindowGeometry.Padding {
    let padding = try string("padding", default: "")
    switch padding {
    case "SAME": return .same
    case "VALID": return .valid
    case "EXPLICIT":
      let pads = try integers("explicit_paddings", default: [])
      guard pads.count == 8, pads[0] == 0, pads[1] == 0, pads[6] == 0, pads[7] == 0,
        pads.allSatisfy({ (0...(1 << 16)).contains($0) })
      else { throw problem("its attribute 'explicit_paddings' is \(pads)") }
      return .explicit(top: pads[2], bottom: pads[3], left: pads[4], right: pads[5])
    default: throw problem("its padding '\(padding)' is not SAME, VALID or EXPLICIT")
    }
  }
}
