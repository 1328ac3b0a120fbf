import NeuralGraph
import RTL

/// Compares the record of a packed output with the interpreter's tensors, atom by atom in their order.
struct PackedComparison {
  private let design: DesignDescription
  private let output: PackedOutput
  private let expectation: Expectation
  /// The cubes' bytes by frame.
  private var cubes: [Int: [UInt8]] = [:]
  private var row = ComparisonResult.Row(
    name: "packed output", valueName: "", events: 0, valuesCompared: 0, mismatches: 0,
    wrongCycles: 0, problems: [])

  init(_ design: DesignDescription, _ output: PackedOutput, _ expectation: Expectation) {
    self.design = design
    self.output = output
    self.expectation = expectation
  }

  /// Cycles after which all atoms have come: each pixel may wait for the atoms of the one before.
  var cycles: Int {
    let ready = expectation.stimulus.stream.ready
    let patience = (ready.count + ready.count { $0 } - 1) / max(1, ready.count { $0 }) + 1
    let atoms = expectation.trace.outputs.count * output.cube.surfaces
    return expectation.cycles + patience * (atoms + ready.count)
  }

  /// The row of the report: tensors' bytes, addresses, marks.
  mutating func compare(record path: String) throws(Diagnostics) -> ComparisonResult.Row {
    var reader = try RecordReader(path: path)
    var addresses: [Int] = []
    var address = 0
    while let event = try reader.next() {
      switch event.kind {
      case .tap:
        guard event.unknownChannel == nil, event.data.count == 8 else {
          addresses.append(-1)
          continue
        }
        addresses.append(
          Int(truncatingIfNeeded: event.data.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
      case .output: take(event)
      case .input, .framingError: break
      }
      // An atom and its address are two lines of the record, in any order.
      while address < min(addresses.count, row.events) {
        check(addresses[address], of: address)
        address += 1
      }
    }
    let wanted = expectation.trace.outputs.count * output.cube.surfaces
    if row.events != wanted {
      row.problems.insert("\(row.events) atoms came, expected \(wanted)", at: 0)
    }
    if address != row.events { report("\(address) addresses came with \(row.events) atoms") }
    return row
  }

  private mutating func report(_ problem: String) {
    if row.problems.count < 4 { row.problems.append(problem) }
  }

  /// The pixel and surface of an atom.
  private func place(of atom: Int) -> (beat: CycleTrace.OutputBeat, surface: Int, address: Int)? {
    let (beat, surface) = atom.quotientAndRemainder(dividingBy: output.cube.surfaces)
    guard beat < expectation.trace.outputs.count else { return nil }
    let wanted = expectation.trace.outputs[beat]
    let (line, column) = wanted.index.quotientAndRemainder(dividingBy: design.output.width)
    return (
      wanted, surface, output.cube.address(row: line, column: column, surface: surface)
    )
  }

  private mutating func check(_ address: Int, of atom: Int) {
    guard let wanted = place(of: atom) else { return }
    row.valuesCompared += 1
    guard address != wanted.address else { return }
    row.mismatches += 1
    report("atom \(atom): address \(address), expected \(wanted.address)")
  }

  private mutating func take(_ event: RecordEvent) {
    let atom = row.events
    row.events += 1
    guard let (beat, surface, address) = place(of: atom) else {
      report("atom \(atom) in cycle \(event.cycle) is one too many")
      return
    }
    if cubes[beat.frame] == nil {
      // Frames come one behind the other.
      let codes = expectation.values[beat.frame][design.taps.count - 1]
      cubes = [beat.frame: output.cube.pack(codes, design.output)]
    }
    let wanted = cubes[beat.frame]![address..<address + FeatureCube.atom]
    row.valuesCompared += FeatureCube.atom
    if event.unknownChannel != nil || event.data.count != wanted.count
      || !wanted.elementsEqual(event.data)
    {
      let wrong = zip(wanted, event.data).count { $0 != $1 }
      row.mismatches += max(1, wrong)
      report(
        "atom \(atom), frame \(beat.frame), byte \(address): "
          + (event.unknownChannel != nil ? "unknown bits" : "\(wrong) bytes differ"))
    }
    let user = beat.user << 1 | (beat.first && surface == 0 ? 1 : 0)
    let last = beat.index == design.output.pixels - 1 && surface == output.cube.surfaces - 1
    if event.user != user || event.last != last {
      row.mismatches += 1
      report(
        "atom \(atom), frame \(beat.frame): tuser \(event.user.map(String.init) ?? "unknown"), tlast "
          + "\(event.last.map(String.init) ?? "unknown"), expected \(user) and \(last)")
    }
  }
}
