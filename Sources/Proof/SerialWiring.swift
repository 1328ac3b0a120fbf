import NeuralGraph
import YosysNetlist

/// The connections of a stage's serial sums: which channels stand in the row of codes, which outputs the
/// sums are, and that control, ROM and accumulators fit each other.
struct SerialWiring {
  /// Instances.
  let control: String
  let accumulator: String
  let rom: String
  /// Of the instances, as the netlist has them; 0 for what is missing.
  private(set) var codeBits = 0
  private(set) var weightBits = 0
  private(set) var unroll = 0
  private(set) var lanes = 0
  private(set) var sumBits = 0
  private(set) var addressBits = 0
  private(set) var turns = 0
  /// Input channels in the row, and output channels in the order of the sums.
  private(set) var row: [Int] = []
  private(set) var outputs: [Int] = []

  static let controlType = "df_serial_control"
  static let accumulatorType = "df_serial_accumulator"
  static func romType(_ layer: String) -> String { layer + "_rom" }

  /// The ports of the ROM below a stage, by the parameters of the other instances; nil when there are none
  /// that make sense.
  static func romPorts(_ netlist: Netlist) -> TemplatePorts.Ports? {
    func parameter(_ type: String, _ name: String) -> Int? {
      let value = netlist.cells.first { $0.type == type }?.parameters[name]?.integer
      return value.flatMap { (1...1 << 20).contains($0) ? $0 : nil }
    }
    guard let address = parameter(controlType, "ADDRESS_BITS"),
      let lanes = parameter(accumulatorType, "LANES"),
      let unroll = parameter(accumulatorType, "UNROLL"),
      let bits = parameter(accumulatorType, "WEIGHT_BITS"), lanes * unroll <= 1 << 24
    else { return nil }
    return TemplatePorts.Ports(
      inputs: ["aclk": 1, "read": 1, "address": address], outputs: ["word": lanes * unroll * bits])
  }

  /// Checks all but the layer's own ports; faults go to `wiring`.
  init(
    _ wiring: inout Wiring, control: String, accumulator: String, rom: String,
    _ expected: ExpectedSerial, pixel: [PixelBit?], outputs: [Int], depth: Int, userBits: Int
  ) {
    self.control = control
    self.accumulator = accumulator
    self.rom = rom
    self.outputs = outputs
    func parameter(_ name: String) -> Int {
      let value = wiring.instances[accumulator]?.parameters[name]?.integer ?? 0
      return (1...1 << 24).contains(value) ? value : 0
    }
    codeBits = parameter("CODE_BITS")
    weightBits = parameter("WEIGHT_BITS")
    unroll = parameter("UNROLL")
    lanes = parameter("LANES")
    sumBits = parameter("SUM_BITS")
    addressBits = wiring.instances[control]?.parameters["ADDRESS_BITS"]?.integer ?? 0
    let codes = parameter("CODES")
    let groups = parameter("GROUPS")
    guard codeBits > 0, (1...62).contains(weightBits), unroll > 0, lanes > 0, sumBits > 0,
      groups > 0, codes >= unroll, codes % unroll == 0, lanes * groups >= outputs.count,
      codes * groups < 1 << 40
    else {
      wiring.fail("the sizes of \(accumulator) do not fit each other")
      return
    }
    turns = codes / unroll
    var levels = 0
    while 1 << levels < unroll { levels += 1 }
    let words = expected.height * expected.width * turns * groups
    if sumBits < codeBits + weightBits + levels {
      wiring.fail("SUM_BITS of \(accumulator) is less than its products need")
    }
    if !(1...62).contains(addressBits) || words > 1 << addressBits {
      wiring.fail("ADDRESS_BITS of \(control) is less than \(words) words need")
    }
    if groups != (outputs.count + lanes - 1) / lanes {
      wiring.fail("GROUPS of \(accumulator) is not what \(outputs.count) sums need")
    }
    let sign = wiring.instances[accumulator]?.parameters["CODE_SIGNED"]?.integer
    guard sign == 0 || sign == 1 else {
      wiring.fail("CODE_SIGNED of \(accumulator) is neither 0 nor 1")
      return
    }
    if words < levels + 3 { wiring.fail("a frame's sums are overwritten before they are read") }
    wiring.require(
      control,
      parameters: [
        ("IMAGE_HEIGHT", expected.height), ("IMAGE_WIDTH", expected.width),
        ("STEPS", turns * groups), ("GROUP_STEPS", turns), ("DRAIN", levels + 3),
        ("USER_BITS", userBits), ("CREDITS", depth),
      ])
    for instance in [rom, accumulator] { wiring.require(instance, "aclk", from: "", "aclk") }
    wiring.require(rom, "read", from: control, "step")
    wiring.require(rom, "address", from: control, "address")
    wiring.require(accumulator, "weights", from: rom, "word")
    for port in ["load", "step", "group_first", "frame_first"] {
      wiring.require(accumulator, port, from: control, port)
    }
    findRow(
      &wiring, expected, pixel,
      isSigned: sign == 1)
  }

  /// Which channel each code is; behind the last there are zeros.
  private mutating func findRow(
    _ wiring: inout Wiring, _ expected: ExpectedSerial, _ pixel: [PixelBit?], isSigned: Bool
  ) {
    let bits = wiring.bits(accumulator, "codes")
    for place in 0..<turns * unroll {
      let code = Array(bits[place * codeBits..<(place + 1) * codeBits])
      if code.allSatisfy({ $0 == .zero }) { continue }
      guard let channel = channel(of: code, &wiring, expected, pixel, isSigned: isSigned),
        place == row.count, !row.contains(channel)
      else {
        wiring.fail("code \(place) of \(accumulator) is not one channel of the pixel")
        return
      }
      row.append(channel)
    }
    if turns != (row.count + unroll - 1) / unroll {
      wiring.fail("CODES of \(accumulator) is not what \(row.count) channels need")
    }
    for input in expected.codes.indices where expected.isLive(input) != row.contains(input) {
      wiring.fail(
        expected.isLive(input)
          ? "input channel \(input) is not constant and not in \(accumulator)"
          : "input channel \(input) is constant and in \(accumulator)")
    }
  }

  /// The channel whose code this is, extended by its sign.
  private func channel(
    of code: [Netlist.Bit], _ wiring: inout Wiring, _ expected: ExpectedSerial,
    _ pixel: [PixelBit?], isSigned: Bool
  ) -> Int? {
    func source(_ bit: Netlist.Bit) -> PixelBit? {
      guard let pin = wiring.driver(bit), pin.instance.isEmpty, pin.port == "in_pixel",
        pixel.indices.contains(pin.bit)
      else { return nil }
      return pixel[pin.bit]
    }
    guard let channel = source(code[0])?.channel, expected.codes.indices.contains(channel) else {
      return nil
    }
    let width = pixel.count { $0?.channel == channel }
    let isNegative = expected.codes[channel].lowerBound < 0
    guard width <= code.count, isSigned || !isNegative,
      isNegative || !isSigned || width < code.count
    else { return nil }
    for (index, bit) in code.enumerated() {
      if index < width {
        guard source(bit) == PixelBit(channel: channel, bit: index) else { return nil }
      } else {
        guard bit == (isNegative ? code[width - 1] : .zero) else { return nil }
      }
    }
    return channel
  }

  /// The output channel whose sum a port of the layer takes the lowest bits of.
  func output(_ bits: [Netlist.Bit], _ wiring: Wiring) -> Int? {
    guard let first = bits.first, let pin = wiring.driver(first), pin.instance == accumulator,
      pin.port == "sums", pin.bit % sumBits == 0, outputs.indices.contains(pin.bit / sumBits),
      bits.count <= sumBits
    else { return nil }
    let sums = wiring.bits(accumulator, "sums")
    guard bits == Array(sums[pin.bit..<pin.bit + bits.count]) else { return nil }
    return outputs[pin.bit / sumBits]
  }
}
