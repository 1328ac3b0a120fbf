/// A `QuantizedOperation` as it stands in `network.json`: a kind and the fields that it needs.
struct OperationRecord: Codable {
  enum Kind: String, Codable {
    case input, convolution, fullyConnected, averagePool, maxPool, mean, add, multiply, rescale
    case table, concatenation, pad, reshape, softmax, l2Normalization
  }

  struct Multiplier: Codable {
    var multiplier: Int
    var exponent: Int
    /// Absent for TFLite's rule.
    var divisor: Int?

    init(_ value: FixedPointMultiplier) {
      multiplier = value.multiplier
      exponent = value.exponent
      divisor = value.isExact ? value.divisor : nil
    }

    var value: FixedPointMultiplier {
      FixedPointMultiplier(multiplier: multiplier, exponent: exponent, divisor: divisor ?? 0)
    }
  }

  /// The numbers of a layer with weights; each is a section of `network.bin`.
  struct Weights: Codable {
    /// int16, `w - z_w`.
    var weights: Section
    /// int32
    var bias: Section
    /// int64: a fixed-point multiplier, or a real one's mantissa.
    var multipliers: Section
    /// int32: a fixed-point multiplier's exponent, or a real one's shift.
    var exponents: Section
    /// int64; absent for TFLite's rules.
    var divisors: Section?
    /// int32
    var weightZeroPoints: Section
    /// binary32 as uint32
    var weightScales: Section
  }

  var kind: Kind
  var geometry: WindowGeometry?
  var inputs: Int?
  var outputs: Int?
  var groups: Int?
  var weights: Weights?
  /// Lowest and highest output code.
  var clamp: [Int]?
  var requantization: Multiplier?
  var first: Multiplier?
  var second: Multiplier?
  var axes: [Int]?
  var before: [Int]?
  var after: [Int]?
  /// The code that a pad fills with; absent for the zero point.
  var code: Int?
  var axis: Int?
  var function: QuantizedTable.Function?
  /// int16, 256 a table.
  var table: Section?
  var minimumDifference: Int?
  /// Of a convolution whose biases and multipliers are registers.
  var adaptation: Adaptation?
}

extension OperationRecord {
  init(_ operation: QuantizedOperation, _ sections: inout SectionWriter) {
    func bounds(_ clamp: ClosedRange<Int>) -> [Int] { [clamp.lowerBound, clamp.upperBound] }
    func divisors(_ values: [Int]) -> Section? {
      values.allSatisfy { $0 == 0 } ? nil : sections.append(values.map { Int64($0) })
    }
    switch operation {
    case .input: self.init(kind: .input)
    case .reshape: self.init(kind: .reshape)
    case .l2Normalization: self.init(kind: .l2Normalization)
    case .convolution(let layer):
      self.init(kind: .convolution)
      geometry = layer.geometry
      inputs = layer.inputChannels
      outputs = layer.outputChannels
      groups = layer.groups
      weights = Weights(
        weights: sections.append(layer.weights), bias: sections.append(layer.bias),
        multipliers: sections.append(layer.requantization.map { Int64($0.multiplier) }),
        exponents: sections.append(layer.requantization.map { Int32($0.exponent) }),
        divisors: divisors(layer.requantization.map(\.divisor)),
        weightZeroPoints: sections.append(layer.weightZeroPoints.map { Int32($0) }),
        weightScales: sections.append(layer.weightScales.map(\.bitPattern)))
      clamp = bounds(layer.clamp)
      adaptation = layer.adaptation
    case .fullyConnected(let layer):
      self.init(kind: .fullyConnected)
      inputs = layer.inputSize
      outputs = layer.outputSize
      weights = Weights(
        weights: sections.append(layer.weights), bias: sections.append(layer.bias),
        multipliers: sections.append(layer.requantization.map { Int64($0.mantissa) }),
        exponents: sections.append(layer.requantization.map { Int32($0.shift) }),
        divisors: divisors(layer.requantization.map(\.divisor)),
        weightZeroPoints: sections.append(layer.weightZeroPoints.map { Int32($0) }),
        weightScales: sections.append(layer.weightScales.map(\.bitPattern)))
      clamp = bounds(layer.clamp)
    case .averagePool(let pool):
      self.init(kind: .averagePool, geometry: pool.geometry, clamp: bounds(pool.clamp))
    case .maxPool(let pool):
      self.init(
        kind: .maxPool, geometry: pool.geometry, clamp: bounds(pool.clamp), code: pool.padCode)
    case .mean(let mean):
      self.init(
        kind: .mean, clamp: bounds(mean.clamp), requantization: Multiplier(mean.requantization),
        axes: mean.axes)
    case .add(let add):
      self.init(
        kind: .add, clamp: bounds(add.clamp), requantization: Multiplier(add.output),
        first: Multiplier(add.first), second: Multiplier(add.second))
    case .rescale(let rescale):
      self.init(
        kind: .rescale, clamp: bounds(rescale.clamp),
        requantization: Multiplier(rescale.requantization))
    case .multiply(let multiply):
      self.init(
        kind: .multiply, clamp: bounds(multiply.clamp),
        requantization: Multiplier(multiply.requantization))
    case .table(let table):
      self.init(
        kind: .table, function: table.function, table: sections.append(table.codes))
    case .concatenation(let concatenation):
      self.init(kind: .concatenation, axis: concatenation.axis)
    case .pad(let pad):
      self.init(kind: .pad, before: pad.before, after: pad.after, code: pad.code)
    case .softmax(let softmax):
      self.init(
        kind: .softmax, requantization: Multiplier(softmax.inputMultiplier),
        minimumDifference: softmax.minimumDifference)
    }
  }

  /// The operation that the record describes. Throws a diagnostic when a field is missing or a
  /// section lies outside the file; whether the numbers fit each other is `verify`'s business.
  func operation(node: String, _ sections: SectionReader) throws(Diagnostics)
    -> QuantizedOperation
  {
    func need<Field>(_ field: Field?, _ name: String) throws(Diagnostics) -> Field {
      guard let field else {
        throw NetworkFile.problem("its field '\(name)' is missing", node: node)
      }
      return field
    }
    func bounds() throws(Diagnostics) -> ClosedRange<Int> {
      let clamp = try need(self.clamp, "clamp")
      guard clamp.count == 2, clamp[0] <= clamp[1] else {
        throw NetworkFile.problem("its field 'clamp' is not a range", node: node)
      }
      return clamp[0]...clamp[1]
    }
    switch kind {
    case .input: return .input
    case .reshape: return .reshape
    case .l2Normalization: return .l2Normalization
    case .convolution:
      let stored = try need(weights, "weights")
      let multipliers = try sections.read(stored.multipliers, as: Int64.self, node: node)
      let exponents = try sections.read(stored.exponents, as: Int32.self, node: node)
      let divisors = try divisors(stored, multipliers.count, node, sections)
      var layer = QuantizedConvolution(
        geometry: try need(geometry, "geometry"), inputChannels: try need(inputs, "inputs"),
        outputChannels: try need(outputs, "outputs"), groups: try need(groups, "groups"),
        weights: try sections.read(stored.weights, as: Int16.self, node: node),
        bias: try sections.read(stored.bias, as: Int32.self, node: node),
        requantization: zip(zip(multipliers, exponents), divisors).map {
          FixedPointMultiplier(multiplier: Int($0.0), exponent: Int($0.1), divisor: $1)
        },
        clamp: try bounds(), weightZeroPoints: try zeroPoints(stored, node, sections),
        weightScales: try scales(stored, node, sections))
      layer.adaptation = adaptation
      return .convolution(layer)
    case .fullyConnected:
      let stored = try need(weights, "weights")
      let multipliers = try sections.read(stored.multipliers, as: Int64.self, node: node)
      let exponents = try sections.read(stored.exponents, as: Int32.self, node: node)
      let divisors = try divisors(stored, multipliers.count, node, sections)
      return .fullyConnected(
        QuantizedFullyConnected(
          inputSize: try need(inputs, "inputs"), outputSize: try need(outputs, "outputs"),
          weights: try sections.read(stored.weights, as: Int16.self, node: node),
          bias: try sections.read(stored.bias, as: Int32.self, node: node),
          requantization: zip(zip(multipliers, exponents), divisors).map {
            RealMultiplier(mantissa: Int($0.0), shift: Int($0.1), divisor: $1)
          },
          clamp: try bounds(), weightZeroPoints: try zeroPoints(stored, node, sections),
          weightScales: try scales(stored, node, sections)))
    case .averagePool:
      return .averagePool(
        QuantizedPool(
          geometry: try need(geometry, "geometry"), clamp: try bounds(), padCode: code))
    case .maxPool:
      return .maxPool(
        QuantizedPool(
          geometry: try need(geometry, "geometry"), clamp: try bounds(), padCode: code))
    case .mean:
      return .mean(
        QuantizedMean(
          axes: try need(axes, "axes"),
          requantization: try need(requantization, "requantization").value,
          clamp: try bounds()))
    case .add:
      return .add(
        QuantizedAdd(
          first: try need(first, "first").value, second: try need(second, "second").value,
          output: try need(requantization, "requantization").value, clamp: try bounds()))
    case .rescale:
      return .rescale(
        QuantizedRescale(
          requantization: try need(requantization, "requantization").value,
          clamp: try bounds()))
    case .pad:
      return .pad(
        QuantizedPad(
          before: try need(before, "before"), after: try need(after, "after"), code: code))
    case .multiply:
      return .multiply(
        QuantizedMultiply(
          requantization: try need(requantization, "requantization").value,
          clamp: try bounds()))
    case .table:
      return .table(
        QuantizedTable(
          function: try need(function, "function"),
          codes: try sections.read(try need(table, "table"), as: Int16.self, node: node)))
    case .concatenation:
      return .concatenation(QuantizedConcatenation(axis: try need(axis, "axis")))
    case .softmax:
      return .softmax(
        QuantizedSoftmax(
          inputMultiplier: try need(requantization, "requantization").value,
          minimumDifference: try need(minimumDifference, "minimumDifference")))
    }
  }

  private func zeroPoints(
    _ stored: Weights, _ node: String, _ sections: SectionReader
  ) throws(Diagnostics) -> [Int] {
    try sections.read(stored.weightZeroPoints, as: Int32.self, node: node).map(Int.init)
  }

  /// 0 for every multiplier when the file has none.
  private func divisors(
    _ stored: Weights, _ count: Int, _ node: String, _ sections: SectionReader
  ) throws(Diagnostics) -> [Int] {
    guard let section = stored.divisors else { return Array(repeating: 0, count: count) }
    return try sections.read(section, as: Int64.self, node: node).map(Int.init)
  }

  private func scales(
    _ stored: Weights, _ node: String, _ sections: SectionReader
  ) throws(Diagnostics) -> [Float] {
    try sections.read(stored.weightScales, as: UInt32.self, node: node).map(Float.init(bitPattern:))
  }
}
