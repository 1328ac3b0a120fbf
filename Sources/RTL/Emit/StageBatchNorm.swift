import NeuralGraph
import Verilog

/// What adaptive batch norm adds to a stage: the marks that swap banks, the shadow banks of its
/// adaptive layers, and their way to the bus.
struct StageBatchNorm {
  let stage: Stage
  let map: RegisterMap
  let userBits: Int
  private let layers: [(index: Int, rank: Int)]

  /// Nil for a stage without adaptive layers.
  init?(stage: Stage, map: RegisterMap?, userBits: Int) {
    layers = stage.adaptiveLayers
    guard let map, !layers.isEmpty else { return nil }
    self.stage = stage
    self.map = map
    self.userBits = userBits
  }

  /// The bus: what every bank hears, in the order of the ports.
  static func busPorts(_ map: RegisterMap) -> [Port] {
    [
      Port(.input, "bank_read_active"), Port(.input, "bank_channel", width: map.channelBits),
      Port(.input, "bank_field", width: 2), Port(.input, "bank_write"),
      Port(.input, "bank_data", width: 32), Port(.input, "bank_strobes", width: 4),
    ]
  }

  var ports: [Port] {
    [Port(.input, "bank_select", width: layers.count)] + Self.busPorts(map) + [
      Port(.output, "bank_word", width: 32), Port(.output, "bank_found"),
      Port(.output, "bank_accepts"), Port(.output, "swapped"),
    ]
  }

  private static let answers = ["word", "found", "accepts"]

  /// `swap[r]`: rank r of the stage holds the first pixel of a frame with new values.
  var swapPipeline: [Item] {
    let ranks = stage.swapRank
    let first = Expression.binary(
      .bitAnd, .binary(.bitAnd, .name("window_valid"), .name("window_first")),
      StageModule.slice("window_user", of: userBits, low: userBits - 1, bits: 1))
    var items: [Item] = [
      .blank,
      .comment(["swap[r]: rank r holds the first pixel of a frame that takes the shadow banks."]),
      .define(width: 1, name: "swap_first", value: first),
      .wires(width: ranks, names: ["swap"]),
    ]
    if ranks == 1 {
      items.append(.assign(Assignment(.name("swap"), .name("swap_first"))))
    } else {
      let held = ranks - 1
      items += [
        .registers(width: held, names: ["swap_ranks"], attribute: nil),
        .assign(
          Assignment(
            .name("swap"), .concatenation([.name("swap_ranks"), .name("swap_first")]))),
        .clocked(
          clock: "aclk", enable: nil,
          [
            Assignment(
              .name("swap_ranks"),
              .binary(
                .bitAnd, StageModule.slice("swap", of: ranks, low: 0, bits: held),
                held == 1 ? .name("aresetn") : .replication(held, .name("aresetn"))))
          ]),
      ]
    }
    items.append(
      .assign(
        Assignment(
          .name("swapped"), StageModule.slice("swap", of: ranks, low: ranks - 1, bits: 1))))
    return items
  }

  /// What a layer's module has more; nothing for one that is frozen whole.
  func connections(_ index: Int) -> [Connection] {
    guard let place = layers.first(where: { $0.index == index }) else { return [] }
    return [
      Connection("aresetn", "aresetn"),
      Connection(
        "swap",
        StageModule.slice(
          "swap", of: stage.swapRank, low: place.rank,
          bits: stage.layers[index].lastParameterPeriod)),
      Connection("shadow", "l\(index + 1)_shadow"), Connection("active", "l\(index + 1)_active"),
    ]
  }

  /// A layer's shadow bank.
  func bank(_ index: Int) -> [Item] {
    guard let adaptive = stage.layers[index].adaptive,
      let position = layers.firstIndex(where: { $0.index == index })
    else { return [] }
    let name = "l\(index + 1)"
    let registers = adaptive.adaptation
    let trained = adaptive.trained.reversed().flatMap { values -> [Expression] in
      [
        .constant(width: 5, value: values.code(.shift, registers)),
        .constant(
          width: registers.scaleBits,
          value: values.code(.scale(low: 0, bits: registers.scaleBits), registers)),
        .constant(width: registers.biasBits, value: values.bias),
      ]
    }
    return [
      .instance(
        module: "df_batchnorm_bank",
        parameters: [
          Parameter("CHANNELS", adaptive.trained.count),
          Parameter("CHANNEL_BITS", map.channelBits),
          Parameter("BIAS_BITS", registers.biasBits), Parameter("SCALE_BITS", registers.scaleBits),
          Parameter("TRAINED", .concatenation(trained)),
        ], name: "\(name)_bank",
        connections: [
          Connection("aclk", "aclk"), Connection("aresetn", "aresetn"),
          Connection(
            "select",
            StageModule.slice("bank_select", of: layers.count, low: position, bits: 1)),
          Connection("read_active", "bank_read_active"), Connection("channel", "bank_channel"),
          Connection("field", "bank_field"), Connection("write", "bank_write"),
          Connection("data", "bank_data"), Connection("strobes", "bank_strobes"),
        ]
          + Self.answers.map { Connection($0, "\(name)_\($0)") } + [
            Connection("shadow", "\(name)_shadow"), Connection("active", "\(name)_active"),
          ])
    ]
  }

  /// Wires between layers and banks; before both.
  var wires: [Item] {
    layers.flatMap { place -> [Item] in
      let name = "l\(place.index + 1)"
      let bits = stage.layers[place.index].adaptive!.bankBits
      return [
        .wires(width: bits, names: ["\(name)_shadow", "\(name)_active"]),
        .wires(width: 32, names: ["\(name)_word"]),
        .wires(width: 1, names: ["\(name)_found", "\(name)_accepts"]),
      ]
    }
  }

  /// The answers of all banks, of which at most one is not zero.
  var answers: [Item] {
    [.blank]
      + Self.answers.map { answer in
        .assign(
          Assignment(
            .name("bank_\(answer)"),
            Self.either(layers.map { .name("l\($0.index + 1)_\(answer)") })))
      }
  }

  /// The or of words.
  static func either(_ words: [Expression]) -> Expression {
    words.dropFirst().reduce(words[0]) { .binary(.bitOr, $0, $1) }
  }
}
