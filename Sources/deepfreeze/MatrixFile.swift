import AdderGraph
import NeuralGraph
import TensorFiles

extension ConstantMatrix {
  /// Matrices of more weights than this are refused.
  private static let weightLimit = 1 << 22

  /// The matrix of a `.npy` file, inputs x outputs. Throws diagnostics for files that hold no matrix of
  /// signed 32-bit integers.
  init(file path: String) throws(Diagnostics) {
    do throws(Diagnostics) {
      try self.init(NPYArray(npy: readFile(path)))
    } catch {
      throw error.inFile(path)
    }
  }

  /// A two-dimensional array of integers that fit 32 bits.
  private init(_ array: NPYArray) throws(Diagnostics) {
    guard array.shape.count == 2 else {
      throw Diagnostics(
        Diagnostic(
          "the array has \(array.shape.count) dimensions; a matrix has 2",
          remedy: "save it as inputs x outputs"))
    }
    guard !array.shape.contains(0) else {
      throw Diagnostics(Diagnostic("the matrix of \(array.shape) is empty"))
    }
    guard array.count <= Self.weightLimit else {
      throw Diagnostics(
        Diagnostic("the matrix has \(array.count) weights; at most \(Self.weightLimit) are taken"))
    }
    let values = try array.integers()
    if let place = values.firstIndex(where: { Int32(exactly: $0) == nil }) {
      throw Diagnostics(
        Diagnostic(
          "weight \(place) is \(values[place]), which does not fit 32 bits",
          remedy: "weights go from -2^31 to 2^31 - 1"))
    }
    self.init(inputs: array.shape[0], outputs: array.shape[1], values: values)
  }
}
