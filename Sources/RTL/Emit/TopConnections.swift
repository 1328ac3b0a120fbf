import NeuralGraph
import Verilog

/// What stands between the stages in the top: forks, skip FIFOs, joins. A chain has none of them.
extension TopModule {
  /// The nets of a stream as one of its readers sees it.
  struct Stream {
    var valid: Expression
    var ready: Expression
    var user: Expression
    var pixel: Expression
  }

  /// The name of a stream: the design's input is `pixel0`, the output of the first stage `pixel1`.
  private func name(_ source: Int?) -> String { "pixel\(source.map { $0 + 1 } ?? 0)" }

  /// A stream's sideband; at the design's input the mark of adaptive batch norm comes to it.
  private func user(of source: Int?) -> Expression {
    let user = Expression.name(name(source) + "_user")
    return source == nil && !design.adaptiveLayers.isEmpty
      ? .concatenation([.name("batchnorm_mark"), user]) : user
  }

  /// A stream as a stage's input sees it, before a skip FIFO.
  private func source(of stage: Int, _ input: Int) -> Stream {
    let source = design.stages[stage].inputs[input].stage
    let readers = design.timing.readers(of: source)
    var ends = name(source)
    if readers.count > 1 {
      ends += "_to\(readers.firstIndex { $0.stage == stage && $0.input == input }! + 1)"
    }
    return Stream(
      valid: .name(ends + "_valid"), ready: .name(ends + "_ready"),
      user: user(of: source), pixel: .name(name(source)))
  }

  /// The same behind the skip FIFO, if there is one.
  private func joined(_ stage: Int, _ input: Int) -> Stream {
    guard let skip = design.skipFIFOs.first(where: { $0.stage == stage && $0.input == input })
    else { return source(of: stage, input) }
    return Stream(
      valid: .name(skip.name + "_valid"), ready: .name(skip.name + "_ready"),
      user: .name(skip.name + "_user"), pixel: .name(skip.name + "_pixel"))
  }

  /// What a stage's input ports are connected to.
  func stageInput(_ index: Int) -> Stream {
    let stage = design.stages[index]
    guard stage.inputs.count > 1 else { return source(of: index, 0) }
    let inputs = stage.inputs.indices.map { joined(index, $0) }
    // The channels of the first input lowest; streams without a live channel have a bit all the same.
    let live = stage.inputs.indices.filter {
      design.format(of: stage.inputs[$0].stage).pixelBits > 0
    }
    return Stream(
      valid: .name("join\(index + 1)_valid"), ready: .name("join\(index + 1)_ready"),
      user: inputs[stage.sidebandInput].user,
      pixel: live.isEmpty
        ? .constant(width: 1, value: 0)
        : live.count == 1
          ? inputs[live[0]].pixel : .concatenation(live.reversed().map { inputs[$0].pixel }))
  }

  /// The fork behind a stream that several stages read.
  func fork(_ source: Int?) -> [Item] {
    let readers = design.timing.readers(of: source)
    guard readers.count > 1 else { return [] }
    let name = name(source)
    let ends = readers.indices.map { "\(name)_to\($0 + 1)" }
    return [
      .wires(width: 1, names: ends.flatMap { ["\($0)_valid", "\($0)_ready"] }),
      .instance(
        module: "df_fork", parameters: [Parameter("READERS", readers.count)],
        name: "fork\(source.map { $0 + 1 } ?? 0)",
        connections: [
          Connection("in_valid", name + "_valid"), Connection("in_ready", name + "_ready"),
          Connection("out_valid", .concatenation(ends.reversed().map { .name($0 + "_valid") })),
          Connection("out_ready", .concatenation(ends.reversed().map { .name($0 + "_ready") })),
        ]),
    ]
  }

  /// The skip FIFOs of a stage's inputs.
  func skips(before index: Int) -> [Item] {
    let user = design.streamUserBits
    return design.skipFIFOs.filter { $0.stage == index }.flatMap { skip -> [Item] in
      let before = source(of: index, skip.input)
      let hasUser = design.stages[index].sidebandInput == skip.input
      let bits = StageModule.wordBits(design.format(of: skip.source))
      var items: [Item] = [
        .blank,
        .comment([
          "\(skip.name): pixels of \(name(skip.source)) that wait for the longer way to "
            + "\(design.stages[index].name)"
        ]),
        .wires(width: 1, names: ["\(skip.name)_valid", "\(skip.name)_ready"]),
      ]
      if hasUser { items.append(.wires(width: user, names: ["\(skip.name)_user"])) }
      items.append(.wires(width: bits, names: ["\(skip.name)_pixel"]))
      func word(_ user: Expression, _ pixel: Expression) -> Expression {
        hasUser ? .concatenation([user, pixel]) : pixel
      }
      items.append(
        .instance(
          module: "df_skip_fifo",
          parameters: [Parameter("WIDTH", skip.wordBits), Parameter("DEPTH", skip.depth)],
          name: skip.name,
          connections: [
            Connection("aclk", "aclk"), Connection("aresetn", "aresetn"),
            Connection("in_valid", before.valid), Connection("in_ready", before.ready),
            Connection("in_data", word(before.user, before.pixel)),
            Connection("out_valid", "\(skip.name)_valid"),
            Connection("out_ready", "\(skip.name)_ready"),
            Connection(
              "out_data", word(.name("\(skip.name)_user"), .name("\(skip.name)_pixel"))),
          ]))
      return items
    }
  }

  /// The join of a stage's inputs.
  func join(before index: Int) -> [Item] {
    let inputs = design.stages[index].inputs.indices.map { joined(index, $0) }
    guard inputs.count > 1 else { return [] }
    let number = index + 1
    return [
      .blank,
      .wires(width: 1, names: ["join\(number)_valid", "join\(number)_ready"]),
      .instance(
        module: "df_join", parameters: [Parameter("INPUTS", inputs.count)],
        name: "join\(number)",
        connections: [
          Connection("in_valid", .concatenation(inputs.reversed().map(\.valid))),
          Connection("in_ready", .concatenation(inputs.reversed().map(\.ready))),
          Connection("out_valid", "join\(number)_valid"),
          Connection("out_ready", "join\(number)_ready"),
        ]),
    ]
  }

  /// Sidebands and pixels of joined streams that nothing reads.
  func unreadJoinInputs() -> [Expression] {
    var names: [Expression] = []
    var named: Set<Int?> = []
    for (index, stage) in design.stages.enumerated() where stage.inputs.count > 1 {
      for (position, input) in stage.inputs.enumerated() {
        let isRead = design.timing.readers(of: input.stage).contains {
          design.stages[$0.stage].sidebandInput == $0.input
        }
        if position != stage.sidebandInput, !isRead, named.insert(input.stage).inserted {
          names.append(.name(name(input.stage) + "_user"))
        }
        if design.format(of: input.stage).pixelBits == 0 {
          names.append(joined(index, position).pixel)
        }
      }
    }
    return names
  }
}
