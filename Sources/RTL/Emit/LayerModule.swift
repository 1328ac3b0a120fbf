import NeuralGraph
import Verilog

/// The Verilog module of one layer: window registers (or accumulators) and the pipelined trees.
struct LayerModule {
  let layer: Layer
  let text: SignalText
  /// The sums as bit heaps; nil for word-level adders.
  private let heaps: LayerSums?

  init(_ layer: Layer, _ options: FreezeOptions) {
    self.layer = layer
    text = SignalText(layer)
    heaps = options.adderStyle == .heap ? LayerSums(text) : nil
  }

  var module: Module {
    var ports = [Port(.input, "aclk")]
    ports += parameterPorts
    switch layer.form {
    case .pointwise: break
    case .serial:
      ports += layer.sumInputs.map { channel, signal in
        Port(.input, layer.datapath[signal].name, width: layer.widths.bits[signal.index])
      }
    case .window:
      ports.append(Port(.input, "column_step"))
      ports += layer.maskRows.map { Port(.input, Layer.rowPort($0)) }
      ports += layer.maskColumns.map { Port(.input, Layer.columnPort($0)) }
    case .accumulator:
      ports.append(Port(.input, "accumulate_step"))
      ports.append(Port(.input, "accumulate_first"))
    }
    for (channel, row) in layer.pixelInputs {
      ports.append(
        Port(
          .input, Layer.inputPort(channel: channel, row: row),
          width: layer.input.channels[channel].bits))
    }
    let live = layer.output.liveChannels
    for channel in live {
      ports.append(
        Port(
          .output, Layer.outputPort(channel: channel), width: layer.output.channels[channel].bits))
    }
    var items = text.tables.map { Item.table($0) }
    if !items.isEmpty {
      items.insert(
        .comment(["A code's code; those that are not listed and can occur have the last."]), at: 0)
      items.append(.blank)
    }
    items += front() + parameterRegisters()
    var unread: [Expression] = []
    for period in 0..<layer.schedule.ranks { items += self.period(period, &unread) }
    if !live.isEmpty { items.append(.blank) }
    for (index, channel) in live.enumerated() {
      let value = text.whole(
        layer.datapath.outputs[index], layer.schedule.ranks,
        width: layer.output.channels[channel].bits)
      items.append(.assign(Assignment(.name(Layer.outputPort(channel: channel)), value)))
    }
    items += unused(ports: ports, items: items, unread)
    return Module(name: layer.module, ports: ports, items: items)
  }

  /// Names the bits that rounding, clamping and sums modulo a power of two leave, and the ports of a
  /// layer without a register, so that lint knows they are meant.
  private func unused(ports: [Port], items: [Item], _ unread: [Expression]) -> [Item] {
    var parts = unread
    // A rank at which no register is read.
    if layer.adaptive != nil { parts.append(.name("swap")) }
    let hasRegister = items.contains {
      if case .clocked(_, _, let updates) = $0 { !updates.isEmpty } else { false }
    }
    if !hasRegister { parts += ports.filter { $0.direction == .input }.map { .name($0.name) } }
    var named: Set<String> = []
    func leave(_ id: SignalID, _ period: Int) {
      let name = text.name(id, in: period)
      if named.insert(name).inserted { parts.append(.name(name)) }
    }
    for index in layer.datapath.signals.indices {
      let period = layer.schedule.period[index]
      switch layer.datapath.signals[index].operation {
      case .saturate(let source, _, _):
        if layer.datapath[source].operation != .input || layer.widths.bits[source.index] > 1 {
          leave(source, period)
        }
      case .add(let a, let b) where heaps == nil:
        for operand in [a, b] where !layer.datapath[operand.signal].operation.isConstant {
          let held = text.bits(operand.signal, in: period)
          if held + operand.shift > layer.widths.bits[index] { leave(operand.signal, period) }
        }
      default: break
      }
    }
    guard !parts.isEmpty else { return [] }
    return [
      .whenDefined(
        macro: "VERILATOR",
        [
          .comment(["Bits that rounding, clamping and modular sums leave are not read."]),
          .define(
            width: 1, name: "unused",
            value: .unary(
              .reduceAnd, .concatenation([.constant(width: 1, value: 0)] + parts))),
        ])
    ]
  }

  // MARK: Rank 0

  /// Window registers or accumulators: what the datapath's inputs are.
  private func front() -> [Item] {
    switch layer.form {
    case .pointwise, .serial: return []
    case .window(let geometry): return window(geometry)
    case .accumulator: return accumulators()
    }
  }

  /// Registers that move with the window: taps, repeated taps, masks.
  private struct FrontRegisters {
    var plain: [Int: [String]] = [:]
    var repeated: [Int: [String]] = [:]
    var moves: [Assignment] = []

    mutating func append(_ name: String, width: Int, isRepeated: Bool, _ source: Expression) {
      if isRepeated {
        repeated[width, default: []].append(name)
      } else {
        plain[width, default: []].append(name)
      }
      moves.append(Assignment(.name(name), source))
    }

    var items: [Item] {
      guard !moves.isEmpty else { return [] }
      return plain.keys.sorted().map { .registers(width: $0, names: plain[$0]!, attribute: nil) }
        + repeated.keys.sorted().map {
          .registers(width: $0, names: repeated[$0]!, attribute: "keep")
        } + Item.processes(clock: "aclk", enable: .name("column_step"), moves)
    }
  }

  private func window(_ geometry: WindowGeometry) -> [Item] {
    // The tap's signals by channel, row and column; other positions are plain delays.
    var names: [[Int]: [String]] = [:]
    var registers = FrontRegisters()
    var seen: Set<LayerInput> = []
    for id in layer.datapath.inputSignals {
      let role = layer.inputs[id]!
      switch role {
      case .tap(let channel, let row, let column):
        names[[channel, row, column * geometry.dilationX], default: []]
          .append(layer.datapath[id].name)
      case .inside(let row, let column):
        let isRepeated = !seen.insert(role).inserted
        let parts = [row.map(Layer.rowPort), column.map(Layer.columnPort)].compactMap { $0 }
        registers.append(
          layer.datapath[id].name, width: 1, isRepeated: isRepeated,
          parts.count == 1
            ? .name(parts[0]) : .binary(.bitAnd, .name(parts[0]), .name(parts[1])))
      case .pixel, .sum, .parameter: break
      }
    }
    for row in layer.windowColumns(geometry) {
      let bits = layer.input.channels[row.channel].bits
      func registerNames(_ position: Int) -> [String] {
        names[[row.channel, row.row, position]] ?? ["w\(row.channel)_r\(row.row)p\(position)"]
      }
      for position in row.columns {
        let source =
          position == row.columns.upperBound
          ? Layer.inputPort(channel: row.channel, row: row.row) : registerNames(position + 1)[0]
        for (index, name) in registerNames(position).enumerated() {
          registers.append(name, width: bits, isRepeated: index > 0, .name(source))
        }
      }
    }
    return [
      .comment([
        "The window: xC_rRcK is channel C at kernel row R, column K;",
        "in_rR_cK is 1 where they lie inside the image.",
      ])
    ] + registers.items
  }

  private func accumulators() -> [Item] {
    var items: [Item] = [.comment(["Each channel's sum over the map."])]
    var updates: [Assignment] = []
    for id in layer.datapath.inputSignals {
      guard case .sum(let channel) = layer.inputs[id]! else { continue }
      let name = layer.datapath[id].name
      let width = layer.widths.bits[id.index]
      let pixel = Layer.inputPort(channel: channel, row: nil)
      let bits = layer.input.channels[channel].bits
      let signed = layer.input.channels[channel].interval.isSigned
      var extended = Expression.name(pixel)
      if width > bits {
        let sign: Expression = bits == 1 ? .name(pixel) : .bit(pixel, bits - 1)
        extended = .concatenation([
          signed
            ? .replication(width - bits, sign) : .constant(width: width - bits, value: 0),
          .name(pixel),
        ])
      }
      items.append(.registers(width: width, names: [name], attribute: nil))
      updates.append(
        Assignment(
          .name(name),
          .binary(
            .add,
            .conditional(
              .name("accumulate_first"), .constant(width: width, value: 0), .name(name)),
            extended)))
    }
    items += Item.processes(clock: "aclk", enable: .name("accumulate_step"), updates)
    return items
  }

  // MARK: Trees

  /// The logic of one clock period, and the register rank behind it.
  private func period(_ period: Int, _ unread: inout [Expression]) -> [Item] {
    let datapath = layer.datapath
    let schedule = layer.schedule
    var wires: [Item] = []
    var registers: [Int: [String]] = [:]
    var kept: [Int: [String]] = [:]
    var updates: [Assignment] = []
    for index in datapath.signals.indices {
      let id = SignalID(index)
      let signal = datapath.signals[index]
      if signal.operation.isStatic { continue }
      let own = schedule.period[index]
      guard own <= period else { continue }
      if let heaps, heaps.isPart(id) { continue }
      let isComputed = own == period && signal.operation != .input
      var value: Expression?
      if isComputed, let heaps, case .add = signal.operation {
        let sum = heaps.sum(id)
        wires += sum.items
        unread += sum.unread
        value = sum.value
      } else if isComputed {
        value = text.expression(id)
      }
      if let value, text.isReadAtOnce[index] {
        wires.append(
          .define(width: layer.widths.bits[index], name: signal.name, value: value))
      }
      guard schedule.lastUse[index] > period else { continue }
      let register = text.name(id, in: period + 1)
      let width = text.bits(id, in: period + 1)
      var source = text.isReadAtOnce[index] ? nil : value
      if case .copy(let original) = signal.operation {
        kept[width, default: []].append(register)
        // Only as much of it as is read.
        if source != nil { source = text.low(original, width, in: period) }
      } else {
        registers[width, default: []].append(register)
      }
      updates.append(
        Assignment(.name(register), source ?? text.low(id, width, in: period)))
    }
    var items: [Item] = [.blank, .comment(["Rank \(period + 1)"])]
    items += wires
    for width in registers.keys.sorted() {
      items.append(.registers(width: width, names: registers[width]!, attribute: nil))
    }
    for width in kept.keys.sorted() {
      items.append(.registers(width: width, names: kept[width]!, attribute: "keep"))
    }
    items += Item.processes(clock: "aclk", enable: nil, updates)
    return items
  }
}
