import NeuralGraph

/// The registers of a layer whose batch norm is adaptive.
public struct AdaptiveLayer: Hashable, Sendable {
  /// Its number in the address map, from 1, in the design's order.
  public var number: Int
  public var adaptation: Adaptation
  /// What the registers hold after reset, one a channel: the network's own values.
  public var trained: [Values]

  /// A channel's values.
  public struct Values: Hashable, Sendable {
    public var bias: Int
    public var multiplier: FixedPointMultiplier

    public init(bias: Int, multiplier: FixedPointMultiplier) {
      self.bias = bias
      self.multiplier = multiplier
    }

    /// The code that a register of the datapath holds.
    func code(_ field: ParameterField, _ adaptation: Adaptation) -> Int {
      switch field {
      case .bias: return bias
      case .scale(let low, let bits):
        let mantissa = multiplier.multiplier >> (31 - adaptation.scaleBits)
        return (mantissa >> low) & ((1 << bits) - 1)
      case .shift: return -multiplier.exponent
      }
    }
  }

  init(number: Int, _ layer: QuantizedConvolution, _ adaptation: Adaptation) {
    self.number = number
    self.adaptation = adaptation
    trained = zip(layer.bias, layer.requantization).map {
      Values(bias: Int($0), multiplier: $1)
    }
  }

  /// Bits of a channel in one bank: {shift, scale, bias}.
  public var wordBits: Int { adaptation.biasBits + adaptation.scaleBits + 5 }
  /// Bits of one bank.
  var bankBits: Int { trained.count * wordBits }
}

extension Layer {
  /// The last period in which a register of adaptive batch norm is read: so many ranks behind the
  /// layer's inputs the new values are all in place.
  var lastParameterPeriod: Int {
    schedule.parameterPeriods(datapath).compactMap(\.last).max() ?? 0
  }

  /// Flip-flops of its adaptive batch norm, both banks.
  public var parameterRegisterBits: Int {
    guard let adaptive else { return 0 }
    let used = zip(schedule.parameterPeriods(datapath), widths.bits).reduce(0) {
      $0 + $1.0.count * $1.1
    }
    return adaptive.bankBits + used
  }
}

extension Stage {
  /// Its adaptive layers: the index, and the rank of the layer's inputs in the stage.
  var adaptiveLayers: [(index: Int, rank: Int)] {
    var rank = 0
    var found: [(index: Int, rank: Int)] = []
    for (index, layer) in layers.enumerated() {
      if layer.adaptive != nil { found.append((index, rank)) }
      rank += layer.schedule.ranks
    }
    return found
  }

  /// The rank at which all of its adaptive layers have the values of a new frame; 0 without any.
  public var swapRank: Int {
    adaptiveLayers.last.map { $0.rank + layers[$0.index].lastParameterPeriod } ?? 0
  }
}

extension Design {
  /// The adaptive layers in the order of their numbers.
  public var adaptiveLayers: [Layer] { layers.filter { $0.adaptive != nil } }

  /// Bits of the sideband inside the design: adaptive batch norm marks the frame that swaps banks.
  package var streamUserBits: Int { options.sidebandBits + (adaptiveLayers.isEmpty ? 0 : 1) }

  /// The address map of the adaptive layers; nil without any.
  public var registerMap: RegisterMap? {
    let layers = adaptiveLayers
    guard !layers.isEmpty else { return nil }
    return RegisterMap(
      design: name,
      layers: layers.map { layer in
        RegisterMap.LayerEntry(
          layer: layer.name, valueName: layer.valueName, value: layer.value.index,
          convolution: layer.cost.convolution ?? 0, channels: layer.output.channels.count,
          adaptation: layer.adaptive!.adaptation)
      })
  }
}

/// Where the registers of adaptive batch norm are on the AXI4-Lite port. Byte addresses
/// {active, layer, channel, field, 2'b00}; layer 0 is the control page. `df_batchnorm_control` and
/// `df_batchnorm_bank` decode it.
public struct RegisterMap: Hashable, Sendable, Codable {
  public struct LayerEntry: Hashable, Sendable, Codable {
    /// The layer's name in `design.json`, and its tensor's in the model.
    public var layer: String
    public var valueName: String
    /// The value's index in the `QuantizedGraph`.
    public var value: Int
    /// Position among the convolutions, from 1.
    public var convolution: Int
    public var channels: Int
    public var adaptation: Adaptation
    /// The byte address of channel 0 in the shadow bank.
    public var address = 0
  }

  /// A register of a channel: bytes behind the channel's address.
  public enum Field: Int, Sendable, CaseIterable {
    case bias = 0
    case multiplier = 4
    case shift = 8
  }

  /// A register of the control page: its byte address.
  public enum Control: Int, Sendable, CaseIterable {
    case id = 0x00
    case version = 0x04
    case design = 0x08
    case commit = 0x0c
    case status = 0x10
    case commits = 0x14
    case frame = 0x18
    case layers = 0x1c
  }

  public static let idValue: UInt32 = 0x4446_424e
  public static let versionValue: UInt32 = 1

  public var design: String
  /// What DESIGN reads: a digest of the design's name and of this map.
  public var designID: UInt32
  public var addressBits: Int
  /// Added to a shadow bank's address for the bank in use.
  public var activeOffset: Int
  /// Bytes of a channel.
  public var channelStride: Int
  public var layers: [LayerEntry]

  /// Bits of the address' parts.
  var layerBits: Int
  var channelBits: Int

  init(design: String, layers: [LayerEntry]) {
    func bits(_ value: Int) -> Int { max(1, Int.bitWidth - value.leadingZeroBitCount) }
    self.design = design
    layerBits = bits(layers.count)
    channelBits = bits((layers.map(\.channels).max() ?? 1) - 1)
    addressBits = layerBits + channelBits + 5
    activeOffset = 1 << (addressBits - 1)
    channelStride = 16
    var text = design + " \(addressBits)"
    self.layers = layers
    for index in layers.indices {
      self.layers[index].address = (index + 1) << (channelBits + 4)
      let entry = self.layers[index]
      text +=
        "\n\(entry.layer) \(entry.channels) \(entry.adaptation.biasBits) "
        + "\(entry.adaptation.scaleBits)"
    }
    designID = UInt32(sha256Hex(Array(text.utf8)).prefix(8), radix: 16) ?? 0
  }

  /// The address of a channel's register in a shadow bank.
  public func address(_ layer: Int, channel: Int, _ field: Field) -> Int {
    layers[layer].address + channel * channelStride + field.rawValue
  }
}

extension RegisterMap {
  /// What is wrong with a map that was read from a file; nil when it is one that `emit` writes.
  func problem(of design: DesignDescription) -> String? {
    guard !layers.isEmpty, layers.count < 1 << 16,
      layers.allSatisfy({
        (1...1 << 20).contains($0.channels) && (2...32).contains($0.adaptation.biasBits)
          && (2...31).contains($0.adaptation.scaleBits) && $0.value >= 0
      })
    else { return "are absurd" }
    guard self == RegisterMap(design: design.name, layers: layers) else {
      return "have other addresses than 'emit' gives them"
    }
    let known = Dictionary(design.layers.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    guard
      layers.allSatisfy({ known[$0.layer]?.output.last == $0.channels })
        && design.taps.count == design.layers.count
        && layers.allSatisfy({ entry in
          design.taps.contains { $0.layer == entry.layer && $0.value == entry.value }
        })
    else { return "are not those of its layers" }
    guard design.stages.allSatisfy({ (0...$0.ranks).contains($0.swapRank ?? 0) }),
      design.stages.contains(where: { ($0.swapRank ?? 0) > 0 })
    else { return "have no stage that swaps them" }
    return nil
  }
}
