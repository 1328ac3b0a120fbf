import NeuralGraph
import Verilog

/// The registers of a layer's adaptive batch norm: the bank in use.
///
/// The datapath is a pipeline, and the last pixels of a frame are right before the first ones of the
/// next: so a register that is read in period m takes its new value when the first pixel of the
/// frame that swaps banks comes to period m, one clock after `swap[m - 1]`.
extension LayerModule {
  var parameterPorts: [Port] {
    guard let adaptive = layer.adaptive else { return [] }
    return [
      Port(.input, "aresetn"), Port(.input, "swap", width: layer.lastParameterPeriod),
      Port(.input, "shadow", width: adaptive.bankBits),
      Port(.output, "active", width: adaptive.bankBits),
    ]
  }

  func parameterRegisters() -> [Item] {
    guard let adaptive = layer.adaptive else { return [] }
    var items: [Item] = [
      .blank,
      .comment([
        "Adaptive batch norm: the bank in use. biasC, scaleC_N, shiftC: bias, mantissa bits, shift of",
        "channel C; NAME_pM is what period M reads. swap[r]: rank r holds the first pixel of a frame",
        "with new values.",
      ]),
    ]
    var byPeriod: [Int: [Assignment]] = [:]
    var names: [Int: [String]] = [:]
    // By channel, lowest bits first.
    var words = [[Expression]](repeating: [], count: adaptive.trained.count)
    let periods = text.parameterPeriods
    for index in layer.datapath.signals.indices {
      let id = SignalID(index)
      guard layer.datapath[id].operation == .parameter,
        case .parameter(let channel, let field) = layer.inputs[id]!
      else { continue }
      let width = layer.widths.bits[index]
      let low = channel * adaptive.wordBits + field.low(adaptive.adaptation)
      let trained = Expression.constant(
        width: width, value: adaptive.trained[channel].code(field, adaptive.adaptation))
      let next = StageModule.slice("shadow", of: adaptive.bankBits, low: low, bits: width)
      for period in periods[index] {
        let name = text.name(id, in: period)
        names[width, default: []].append(name)
        byPeriod[period, default: []].append(
          Assignment(.name(name), .conditional(.name("aresetn"), next, trained)))
      }
      words[channel].append(.name(text.name(id, in: periods[index][0])))
    }
    for width in names.keys.sorted() {
      items.append(.registers(width: width, names: names[width]!, attribute: nil))
    }
    for period in byPeriod.keys.sorted() {
      let swap = StageModule.slice(
        "swap", of: layer.lastParameterPeriod, low: period - 1, bits: 1)
      items += Item.processes(
        clock: "aclk", enable: .binary(.bitOr, .unary(.invert, .name("aresetn")), swap),
        byPeriod[period]!)
    }
    items.append(
      .assign(
        Assignment(
          .name("active"), .concatenation(words.reversed().flatMap { $0.reversed() }))))
    return items
  }
}

extension ParameterField {
  /// The lowest bit in a channel's word {shift, scale, bias}.
  fileprivate func low(_ adaptation: Adaptation) -> Int {
    switch self {
    case .bias: 0
    case .scale(let low, _): adaptation.biasBits + low
    case .shift: adaptation.biasBits + adaptation.scaleBits
    }
  }
}
