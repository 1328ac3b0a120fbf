import NeuralGraph
import YosysNetlist

/// The connections of the top: stream adapter, stages, and the pixel that leaves.
struct TopWiring {
  private(set) var faults: [Fault] = []
  private var wiring: Wiring
  private let stages: [Netlist]
  private var streamIn = ""
  private var instances: [String] = []

  init(
    _ netlist: Netlist, stages: [Netlist], input: QuantizedType
  ) {
    self.stages = stages
    wiring = Wiring(netlist, modules: stages)
    streamIn = instance(of: "df_stream_in")
    instances = stages.map { instance(of: $0.name) }
    let known = Set(instances + [streamIn])
    for name in wiring.instances.keys.sorted() where !known.contains(name) {
      wiring.fail("there is one instance more: \(name)")
    }
    if wiring.faults.isEmpty { connect(input) }
    faults = wiring.faults
  }

  private mutating func instance(of type: String) -> String {
    let names = wiring.instances.filter { $0.value.type == type }.map(\.key)
    if names.count != 1 {
      wiring.fail("there are \(names.count) instances of \(type), expected one")
    }
    return names.min() ?? ""
  }

  private mutating func connect(_ input: QuantizedType) {
    for instance in [streamIn] + instances {
      for port in ["aclk", "aresetn"] { wiring.require(instance, port, from: "", port) }
    }
    for port in ["s_axis_tvalid", "s_axis_tdata", "s_axis_tuser", "s_axis_tlast"] {
      wiring.require(streamIn, port, from: "", port)
    }
    for port in ["s_axis_tready", "framing_error"] {
      wiring.require("", port, from: streamIn, port)
    }
    let channels = input.shape.channels
    let user = wiring.bits(streamIn, "out_user").count
    wiring.require(
      streamIn,
      parameters: [
        ("DATA_BITS", 8 * channels), ("USER_BITS", user), ("IMAGE_HEIGHT", input.shape.height),
        ("IMAGE_WIDTH", input.shape.width),
      ])
    let pad = wiring.instances[streamIn]?.parameters["PAD"]?.bits ?? ""
    let byte = String(input.zeroPoint & 255, radix: 2)
    let wanted = String(repeating: "0", count: 8 - byte.count) + byte
    if pad != String(repeating: wanted, count: channels) {
      wiring.fail("the parameter PAD of \(streamIn) is not the zero point \(input.zeroPoint)")
    }
    if wiring.bits("", "s_axis_tdata").count != 8 * channels {
      wiring.fail("s_axis_tdata has not 8 bits a channel")
    }
    var before = streamIn
    for (index, stage) in instances.enumerated() {
      let pixel = index == 0 ? "out_data" : "out_pixel"
      for (port, source) in [("valid", "out_valid"), ("user", "out_user"), ("pixel", pixel)] {
        wiring.require(stage, "in_" + port, from: before, source)
      }
      wiring.require(before, "out_ready", from: stage, "in_ready")
      before = stage
    }
    wiring.require("", "m_axis_tvalid", from: before, "out_valid")
    wiring.require(before, "out_ready", from: "", "m_axis_tready")
    wiring.require("", "m_axis_tlast", from: before, "out_last")
    if wiring.bits("", "m_axis_tuser")
      != wiring.bits(before, "out_first") + wiring.bits(before, "out_user")
    {
      wiring.fail("m_axis_tuser is not the start of frame and the sideband")
    }
  }

  /// Checks `m_axis_tdata`: a byte a channel, live channels as `pixel` packs them, extended to 8 bits
  /// as their codes need, others their constant.
  mutating func checkOutput(_ pixel: [PixelBit?], codes: [ClosedRange<Int>]) {
    guard faults.isEmpty, let last = instances.last else { return }
    let data = wiring.bits("", "m_axis_tdata")
    let word = wiring.bits(last, "out_pixel")
    guard data.count == 8 * codes.count, word.count == pixel.count else {
      wiring.fail("m_axis_tdata has not 8 bits a channel, or out_pixel not the stage's bits")
      faults = wiring.faults
      return
    }
    var bits: [PixelBit: Netlist.Bit] = [:]
    for (bit, place) in zip(word, pixel) { if let place { bits[place] = bit } }
    for (channel, codes) in codes.enumerated() {
      var live: [Netlist.Bit] = []
      while let bit = bits[PixelBit(channel: channel, bit: live.count)] { live.append(bit) }
      let byte = Array(data[8 * channel..<8 * channel + 8])
      let isRight: Bool
      if live.isEmpty {
        guard codes.lowerBound == codes.upperBound else {
          wiring.fail(
            "channel \(channel) can be \(codes.lowerBound) to \(codes.upperBound) and is not there")
          continue
        }
        isRight = byte == (0..<8).map { codes.lowerBound >> $0 & 1 == 1 ? .one : .zero }
      } else {
        // Eight bits hold the code modulo 256 whatever the sign; fewer are extended.
        isRight =
          live.count <= 8 && Array(byte.prefix(live.count)) == live
          && (live.count == 8
            || Netlist.extends(live, by: Array(byte.dropFirst(live.count)), codes))
      }
      if !isRight {
        wiring.fail(
          "bits \(8 * channel + 7) to \(8 * channel) of m_axis_tdata are not channel \(channel)")
      }
    }
    faults = wiring.faults
  }
}

extension Netlist {
  /// True when `fill` above `bits`, zeros or all the sign bit, extends every one of these codes.
  static func extends(_ bits: [Bit], by fill: [Bit], _ codes: ClosedRange<Int>) -> Bool {
    guard let sign = bits.last, bits.count < 32 else { return false }
    func holds(_ range: Range<Int>) -> Bool {
      range.contains(codes.lowerBound) && range.contains(codes.upperBound)
    }
    if fill.isEmpty {
      return holds(0..<1 << bits.count) || holds(-(1 << (bits.count - 1))..<1 << (bits.count - 1))
    }
    return (fill.allSatisfy { $0 == .zero } && holds(0..<1 << bits.count))
      || (fill.allSatisfy { $0 == sign }
        && holds(-(1 << (bits.count - 1))..<1 << (bits.count - 1)))
  }
}
