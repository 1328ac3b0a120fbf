import NeuralGraph
import YosysNetlist

/// What was proved of one layer, and what was not.
public struct LayerProof: Hashable, Sendable, Codable {
  /// Something that is not proved, with the output channels that it concerns (none: the module).
  public struct Failure: Hashable, Sendable, Codable {
    public var kind: String
    public var message: String
    /// `FILE:LINE` of the text, or nothing.
    public var source: String
    public var channels: [Int]
  }

  /// The layer's module, the tensor in the model, and what it is.
  public var name: String
  public var valueName: String
  public var kind: String
  /// Output channels; those that are constants; those that are proved.
  public var channels: Int
  public var constantChannels: Int
  public var provedChannels: Int
  /// Coefficients that were compared with the model's weights.
  public var coefficients: Int
  /// Intervals of sums, together all that can occur, on which the codes were compared.
  public var intervals: Int
  /// Cells of the netlist, and bits of its plain registers.
  public var cells: Int
  public var registerBits: Int
  /// Clocks from window to output.
  public var ranks: Int
  public var failures: [Failure]

  public var isProved: Bool { failures.isEmpty }
}

/// Proves one layer module's text against the model's layer.
struct LayerProver {
  let name: String
  let netlist: Netlist
  let expected: ExpectedLayer
  /// What the ports carry; nil when the layer is not connected as it should be.
  let roles: [String: PortRole]?
  let adderCells: [String: AdderCell]
  /// Clocks that the layer is to take; nil when all channels only have to agree.
  let ranks: Int?

  func prove() -> LayerProof {
    var report = LayerProof(
      name: name, valueName: expected.node.name, kind: expected.kind,
      channels: expected.outputCodes.count, constantChannels: 0, provedChannels: 0,
      coefficients: 0, intervals: 0, cells: netlist.cells.count, registerBits: 0,
      ranks: ranks ?? 0, failures: [])
    guard let roles else {
      report.failures = [
        .init(
          kind: Fault.Kind.wiring.rawValue, message: "its connections are not proved", source: "",
          channels: [])
      ]
      return report
    }
    prove(roles, &report)
    return report
  }

  private func prove(_ roles: [String: PortRole], _ report: inout LayerProof) {
    let layer = SymbolicLayer(
      netlist,
      front: LayerFront(
        form: expected.form, roles: roles, codes: expected.frontCodes, outside: expected.outside),
      adderCells: adderCells)
    let outputs = netlist.ports.filter { $0.direction == .output }
    layer.evaluate(behind: outputs.flatMap(\.bits))
    let count = expected.outputCodes.count
    report.registerBits = layer.registerBits
    var failures = FailureList()
    for fault in layer.globalFaults { failures.add(fault, channel: nil) }
    let live = Set(
      roles.values.compactMap { if case .pixel(let channel, _) = $0 { channel } else { nil } })
    let ports = Dictionary(
      outputs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for port in outputs where !(0..<count).contains(StageWiring.channel(of: port.name) ?? -1) {
      failures.add(
        Fault(.wiring, "the output port \(port.name) is no channel of the layer"), channel: nil)
    }
    for channel in 0..<count {
      guard let port = ports["q\(channel)"] else {
        let codes = expected.outputCodes[channel]
        if codes.lowerBound == codes.upperBound {
          report.constantChannels += 1
        } else {
          failures.add(
            Fault(
              .wiring,
              "the channel has no port, and can be \(codes.lowerBound) to \(codes.upperBound)"),
            channel: channel)
        }
        continue
      }
      let proof = prove(port, channel, layer, live)
      report.coefficients += proof.coefficients
      report.intervals += proof.intervals
      if proof.failures.isEmpty { report.provedChannels += 1 }
      for failure in proof.failures { failures.add(failure, channel: channel) }
    }
    report.failures = failures.all
  }

  private func prove(
    _ port: Netlist.Port, _ channel: Int, _ layer: SymbolicLayer, _ live: Set<Int>
  ) -> ChannelProof {
    var failed = ChannelProof()
    guard (1...16).contains(port.bits.count) else {
      failed.failures = [Fault(.width, "the port has \(port.bits.count) bits")]
      return failed
    }
    let value = layer.assemble(port.bits, modulus: port.bits.count, source: "")
    if let fault = value.fault {
      failed.failures = [layer.faults[fault]]
      return failed
    }
    if let delay = value.delay, let ranks, delay != ranks {
      failed.failures = [
        Fault(
          .timing,
          "its code comes \(counted(delay, "clock")) behind the window, and is to come after \(ranks)"
        )
      ]
      return failed
    }
    do throws(Diagnostic) {
      let expectation = try expected.expectation(of: channel, layer, live: live)
      return layer.prove(value, width: port.bits.count, expectation)
    } catch {
      failed.failures = [Fault(.notCovered, error.message)]
      return failed
    }
  }
}

/// Failures in order; one that concerns several channels is told once.
private struct FailureList {
  private(set) var all: [LayerProof.Failure] = []
  private var places: [Fault: Int] = [:]

  mutating func add(_ fault: Fault, channel: Int?) {
    let place: Int
    if let known = places[fault] {
      place = known
    } else {
      place = all.count
      places[fault] = place
      all.append(
        .init(kind: fault.kind.rawValue, message: fault.message, source: fault.source, channels: [])
      )
    }
    if let channel, all[place].channels.last != channel { all[place].channels.append(channel) }
  }
}
