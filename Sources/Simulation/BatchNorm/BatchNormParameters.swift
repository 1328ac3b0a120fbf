import Foundation
import NeuralGraph
import RTL

/// A parameter file of adaptive batch norm, JSON: for each layer and output channel either the integers
/// that the registers hold or the real scale and offset that they stand for.
///
/// Real numbers mean `clamp(scale * conv(x) + offset)`, where conv is the frozen convolution without its
/// bias, in real numbers: with the trained values scale is 1 and offset the trained bias.
public struct BatchNormParameters: Hashable, Sendable, Codable {
  static let formatName = "deepfreeze-batchnorm"
  static let currentVersion = 1

  public struct Layer: Hashable, Sendable, Codable {
    /// The layer's name in `design.json`.
    public var layer: String
    /// The accumulator's units, s_x s_w; needs `multiplier` and `exponent`.
    public var bias: [Int]?
    /// 31 bits, 0 or from 2^30: the multiplier is multiplier * 2^(exponent - 31).
    public var multiplier: [Int]?
    /// -31 ... 0.
    public var exponent: [Int]?
    /// Not negative; needs `offset`.
    public var scale: [Double]?
    public var offset: [Double]?
  }

  public var format: String
  public var version: Int
  /// The design's name.
  public var design: String
  /// Layers that are missing hold their trained values.
  public var layers: [Layer]

  /// The trained values of an emitted design: integers, or with `isReal` real numbers.
  public init(trained design: DesignDescription, _ graph: QuantizedGraph, isReal: Bool = false) {
    format = Self.formatName
    version = Self.currentVersion
    self.design = design.name
    layers = (design.registerMap?.layers ?? []).map { entry in
      let layer = graph.adaptiveConvolution(entry)
      if isReal {
        let units = graph.units(entry)
        return Layer(
          layer: entry.layer, scale: layer.bias.map { _ in 1 },
          offset: zip(layer.bias, units).map { Double($0) * $1 })
      }
      return Layer(
        layer: entry.layer, bias: layer.bias.map { Int($0) },
        multiplier: layer.requantization.map(\.multiplier),
        exponent: layer.requantization.map(\.exponent))
    }
  }

  /// Reads a file's bytes.
  public init(json: [UInt8], file: String) throws(Diagnostics) {
    self = try StableJSON.decode(Self.self, json, file: file)
    guard format == Self.formatName, version == Self.currentVersion else {
      throw Diagnostics(
        Diagnostic(
          "it is no parameter file of version \(Self.currentVersion)", file: file,
          remedy: "'deepfreeze batchnorm DIR' writes one"))
    }
  }

  public func encode() -> [UInt8] { StableJSON.encode(self) }

  /// The values of all registers, by layer of the map and channel. Throws all that does not fit.
  public func values(
    _ design: DesignDescription, _ graph: QuantizedGraph, file: String?
  ) throws(Diagnostics) -> BatchNormValues {
    guard let map = design.registerMap else {
      throw Diagnostics(
        Diagnostic(
          "the design has no adaptive batch norm", file: file,
          remedy: "emit it with --adaptive-batchnorm"))
    }
    var found: [Diagnostic] = []
    func refuse(_ message: String, _ layer: String?, _ remedy: String? = nil) {
      found.append(Diagnostic(message, file: file, node: layer, remedy: remedy))
    }
    if self.design != design.name {
      refuse("it is for the design '\(self.design)', not '\(design.name)'", nil)
    }
    var values = BatchNormValues(trained: map, graph)
    var seen: Set<String> = []
    for layer in layers {
      guard let index = map.layers.firstIndex(where: { $0.layer == layer.layer }) else {
        refuse(
          "the design has no adaptive layer '\(layer.layer)'", nil,
          "it has " + map.layers.map(\.layer).joined(separator: ", "))
        continue
      }
      guard seen.insert(layer.layer).inserted else {
        refuse("it is there twice", layer.layer)
        continue
      }
      do throws(Diagnostic) {
        values.layers[index] = try layer.values(map.layers[index], graph)
      } catch {
        var error = error
        error.place.file = file
        found.append(error)
      }
    }
    guard found.isEmpty else { throw Diagnostics(found) }
    return values
  }
}

extension BatchNormParameters.Layer {
  fileprivate func values(
    _ entry: RegisterMap.LayerEntry, _ graph: QuantizedGraph
  ) throws(Diagnostic) -> [AdaptiveLayer.Values] {
    func refuse(_ message: String, _ remedy: String? = nil) -> Diagnostic {
      Diagnostic(message, node: layer, remedy: remedy)
    }
    func counted(_ count: Int, _ name: String) throws(Diagnostic) {
      guard count == entry.channels else {
        throw refuse("'\(name)' has \(count) numbers for \(entry.channels) channels")
      }
    }
    let registers = entry.adaptation
    var values: [AdaptiveLayer.Values] = []
    switch (bias, multiplier, exponent, scale, offset) {
    case (let bias?, let multiplier?, let exponent?, nil, nil):
      try counted(bias.count, "bias")
      try counted(multiplier.count, "multiplier")
      try counted(exponent.count, "exponent")
      values = zip(bias, zip(multiplier, exponent)).map {
        .init(bias: $0, multiplier: FixedPointMultiplier(multiplier: $1.0, exponent: $1.1))
      }
    case (nil, nil, nil, let scale?, let offset?):
      try counted(scale.count, "scale")
      try counted(offset.count, "offset")
      let units = graph.units(entry)
      let output = Double(graph[ValueID(entry.value)].type.scale)
      let trained = graph.adaptiveConvolution(entry)
      for channel in scale.indices {
        guard scale[channel].isFinite, offset[channel].isFinite else {
          throw refuse("channel \(channel) has a number that is not finite")
        }
        guard scale[channel] >= 0 else {
          throw refuse(
            "the scale \(scale[channel]) of channel \(channel) is below zero",
            "weights are frozen with their signs: the sign of a scale cannot change")
        }
        let unit = units[channel] * scale[channel]
        // With scale 0 the offset alone remains; so do the smallest multiplier's units.
        guard unit > 0 || offset[channel] == 0 else {
          throw refuse(
            "channel \(channel) has the scale 0 and an offset: an offset is counted in units of the "
              + "scale", "give a small scale")
        }
        // Scale 1 is the trained multiplier itself, and not one rounded anew.
        let isTrained = scale[channel] == 1
        let real = unit / output
        guard real < 1 else {
          throw refuse(
            "the scale \(scale[channel]) of channel \(channel) makes a multiplier of \(real), which "
              + "is not below one")
        }
        let multiplier =
          isTrained
          ? trained.requantization[channel]
          : registers.rounded(FixedPointMultiplier(real: real))
        let steps = unit > 0 ? (offset[channel] / unit).rounded(.toNearestOrAwayFromZero) : 0
        guard let multiplier, steps.magnitude < 0x1p32 else {
          throw refuse(
            "the scale \(scale[channel]) and the offset \(offset[channel]) of channel \(channel) do "
              + "not fit the registers",
            "a bias lies in \(registers.biases), in steps of \(unit)")
        }
        values.append(.init(bias: Int(steps), multiplier: multiplier))
      }
    default:
      throw refuse(
        "it needs 'bias', 'multiplier' and 'exponent', or 'scale' and 'offset', and not both")
    }
    for (channel, value) in values.enumerated() {
      guard registers.biases.contains(value.bias) else {
        throw refuse(
          "the bias \(value.bias) of channel \(channel) does not fit its register",
          "it lies in \(registers.biases)")
      }
      guard registers.holds(value.multiplier) else {
        throw refuse(
          "the multiplier \(value.multiplier.multiplier) with exponent "
            + "\(value.multiplier.exponent) of channel \(channel) does not fit its registers",
          "it is 0 or has 31 bits, the lowest \(31 - registers.scaleBits) of them 0; the exponent "
            + "lies in \(Adaptation.exponents)")
      }
    }
    return values
  }
}

/// What all registers of a design hold.
public struct BatchNormValues: Hashable, Sendable {
  /// By layer of the register map, then channel.
  public var layers: [[AdaptiveLayer.Values]]

  public init(trained map: RegisterMap, _ graph: QuantizedGraph) {
    layers = map.layers.map { entry in
      let layer = graph.adaptiveConvolution(entry)
      return zip(layer.bias, layer.requantization).map { .init(bias: Int($0), multiplier: $1) }
    }
  }

  /// The network whose layers have these values: what the hardware must compute.
  public func network(_ map: RegisterMap, _ graph: QuantizedGraph) -> QuantizedGraph {
    var result = graph
    for (entry, values) in zip(map.layers, layers) {
      var layer = graph.adaptiveConvolution(entry)
      layer.bias = values.map { Int32($0.bias) }
      layer.requantization = values.map(\.multiplier)
      result = result.replacing([ValueID(entry.value): .convolution(layer)])
    }
    return result
  }
}

extension QuantizedGraph {
  /// The convolution of an adaptive layer; `EmittedFolder` has checked that there is one.
  func adaptiveConvolution(_ entry: RegisterMap.LayerEntry) -> QuantizedConvolution {
    guard case .convolution(let layer) = self[ValueID(entry.value)].operation else {
      preconditionFailure("an adaptive layer is a convolution")
    }
    return layer
  }

  /// What one unit of each channel's accumulator is as a real number: s_x s_w.
  fileprivate func units(_ entry: RegisterMap.LayerEntry) -> [Double] {
    let node = self[ValueID(entry.value)]
    let layer = adaptiveConvolution(entry)
    let input = Double(self[node.operands[0]].type.scale)
    return (0..<layer.outputChannels).map {
      input * Double(layer.weightScales[layer.weightScales.count == 1 ? 0 : $0])
    }
  }

  /// What does not fit between a register map and a network; nil when all does.
  func problem(of map: RegisterMap) -> String? {
    for entry in map.layers {
      guard nodes.indices.contains(entry.value),
        case .convolution(let layer) = nodes[entry.value].operation,
        layer.outputChannels == entry.channels, layer.adaptation == entry.adaptation,
        layer.bias.count == entry.channels, layer.requantization.count == entry.channels
      else { return "the adaptive layer '\(entry.layer)' is none of the network" }
    }
    return nil
  }
}

extension BatchNormParameters {
  /// Values as a file of integers.
  public init(_ values: BatchNormValues, _ map: RegisterMap) {
    format = Self.formatName
    version = Self.currentVersion
    design = map.design
    layers = zip(map.layers, values.layers).map { entry, values in
      Layer(
        layer: entry.layer, bias: values.map(\.bias),
        multiplier: values.map(\.multiplier.multiplier),
        exponent: values.map(\.multiplier.exponent))
    }
  }
}
