import NeuralGraph
import Verilog

/// What serial sums are in Verilog: control, multipliers and accumulators in the stage, and the ROM of the
/// weights.
struct SerialText {
  let stage: Stage
  let sums: SerialSums
  let userBits: Int

  /// Nil for a stage that begins otherwise.
  init?(_ stage: Stage, userBits: Int) {
    guard case .serial(let sums) = stage.layers[0].form else { return nil }
    self.stage = stage
    self.sums = sums
    self.userBits = userBits
  }

  /// The ROM: a word a step.
  static func rom(_ layer: Layer, _ sums: SerialSums) -> Module {
    Module(
      name: layer.romModule,
      ports: [
        Port(.input, "aclk"), Port(.input, "read"),
        Port(.input, "address", width: sums.addressBits),
        Port(.output, "word", width: sums.wordBits),
      ],
      items: [
        .registers(width: sums.wordBits, names: ["held"], attribute: nil),
        .assign(Assignment(.name("word"), .name("held"))),
        .blank,
        .readOnlyMemory(
          ReadOnlyMemory(
            clock: "aclk", enable: "read", address: "address", addressWidth: sums.addressBits,
            target: "held", width: sums.wordBits,
            words: (0..<sums.words).map { sums.hexadecimal($0) })),
      ])
  }

  static func romHeader(_ layer: Layer, _ sums: SerialSums) -> [String] {
    [
      "\(layer.romModule): the weights of \(layer.name), \(sums.words) words of "
        + "\(sums.multipliers) weights of \(sums.weightBits) bits.",
      "The word of an address comes a clock after it is read. A ROM macro may take this module's place.",
    ]
  }

  /// Control, ROM and accumulators.
  var items: [Item] {
    [
      .wires(
        width: 1,
        names: ["group_first", "frame_first", "window_valid", "window_first", "window_last"]),
      .wires(width: userBits, names: ["window_user"]),
      .wires(width: sums.addressBits, names: ["address"]),
      .wires(width: sums.wordBits, names: ["weights"]),
      .wires(width: sumsBits, names: ["sums"]),
      .blank,
      .instance(
        module: "df_serial_control",
        parameters: [
          Parameter("IMAGE_HEIGHT", sums.height), Parameter("IMAGE_WIDTH", sums.width),
          Parameter("STEPS", sums.steps), Parameter("GROUP_STEPS", sums.groupSteps),
          Parameter("DRAIN", sums.drain), Parameter("ADDRESS_BITS", sums.addressBits),
          Parameter("USER_BITS", userBits), Parameter("CREDITS", stage.timing.fifoDepth),
        ], name: "control",
        connections: ["aclk", "aresetn", "in_valid", "in_ready", "in_user"].map { same($0) } + [
          Connection("load", "load"), Connection("step", "step"),
          Connection("address", "address"), Connection("group_first", "group_first"),
          Connection("frame_first", "frame_first"), Connection("result_valid", "window_valid"),
          Connection("result_first", "window_first"), Connection("result_last", "window_last"),
          Connection("result_user", "window_user"), same("credit_return"),
        ]),
      .blank,
      .instance(
        module: stage.layers[0].romModule, parameters: [], name: "rom",
        connections: [
          same("aclk"), Connection("read", "step"), same("address"), Connection("word", "weights"),
        ]),
      .blank,
      .comment(["The pixel's codes, the first channel lowest."]),
      .define(width: codes.bits, name: "codes", value: codes.value),
      .instance(
        module: "df_serial_accumulator",
        parameters: [
          Parameter("CODES", sums.groupSteps * sums.unroll),
          Parameter("CODE_BITS", sums.codeBits),
          Parameter("CODE_SIGNED", sums.isSigned ? 1 : 0),
          Parameter("WEIGHT_BITS", sums.weightBits), Parameter("UNROLL", sums.unroll),
          Parameter("LANES", sums.lanes), Parameter("GROUPS", sums.groups),
          Parameter("SUM_BITS", sums.sumBits),
        ], name: "serial",
        connections: [
          "aclk", "load", "codes", "step", "group_first", "frame_first", "weights", "sums",
        ].map { same($0) }),
    ]
  }

  private func same(_ name: String) -> Connection { Connection(name, name) }

  private var sumsBits: Int { sums.groups * sums.lanes * sums.sumBits }

  /// The row of codes, each as wide as the widest; zeros behind the last.
  private var codes: (bits: Int, value: Expression) {
    let total = StageModule.wordBits(stage.input)
    let offsets = StageModule.offsets(stage.input)
    let padding = (sums.groupSteps * sums.unroll - sums.channels.count) * sums.codeBits
    var parts: [Expression] =
      padding > 0 ? [.replication(padding, .constant(width: 1, value: 0))] : []
    for channel in sums.channels.reversed() {
      let format = stage.input.channels[channel]
      let low = offsets[channel]!
      let missing = sums.codeBits - format.bits
      if missing > 0 {
        let sign =
          format.interval.isSigned
          ? StageModule.slice("in_pixel", of: total, low: low + format.bits - 1, bits: 1)
          : .constant(width: 1, value: 0)
        parts.append(missing == 1 ? sign : .replication(missing, sign))
      }
      parts.append(StageModule.slice("in_pixel", of: total, low: low, bits: format.bits))
    }
    return (
      sums.groupSteps * sums.unroll * sums.codeBits,
      parts.count == 1 ? parts[0] : .concatenation(parts)
    )
  }

  /// What the layer's module reads: each output's sum.
  var connections: [Connection] {
    let layer = stage.layers[0]
    return layer.sumInputs.map { channel, signal in
      let place = sums.outputs.firstIndex(of: channel)!
      return Connection(
        layer.datapath[signal].name,
        StageModule.slice(
          "sums", of: sumsBits, low: place * sums.sumBits, bits: layer.widths.bits[signal.index]))
    }
  }
}

extension SerialSums {
  /// A word's hexadecimal digits, the highest first.
  func hexadecimal(_ address: Int) -> String {
    var bits: [Bool] = []
    bits.reserveCapacity(wordBits)
    for weight in word(address) {
      for bit in 0..<weightBits { bits.append(weight >> bit & 1 == 1) }
    }
    let digits = stride(from: 0, to: bits.count, by: 4).map { low in
      (low..<min(low + 4, bits.count)).reduce(0) { $0 | (bits[$1] ? 1 << ($1 - low) : 0) }
    }
    return String(digits.reversed().map { Character(String($0, radix: 16)) })
  }
}
