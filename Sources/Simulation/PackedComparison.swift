import NeuralGraph
import RTL

/// Compares the record of a packed output with the interpreter's tensors, atom by atom in their order.
struct PackedComparison {
  /// What the report calls it.
  static let rowName = "packed output"

  private let design: DesignDescription
  private let output: PackedOutput
  private let expectation: Expectation
  /// The pixels whose atoms come, in their order.
  private let pixels: [CycleTrace.OutputBeat]
  /// The cubes' bytes by frame.
  private var cubes: [Int: [UInt8]] = [:]
  private var row = ComparisonResult.Row(
    name: rowName, valueName: "", events: 0, valuesCompared: 0, mismatches: 0,
    wrongCycles: 0, problems: [])

  /// nil when it is not known which atoms come: a reset ends a frame, and where the packer holds the
  /// design up, at another pixel than without it.
  init?(_ design: DesignDescription, _ output: PackedOutput, _ expectation: Expectation) {
    let stimulus = expectation.stimulus
    guard
      stimulus.stream.resets.isEmpty
        || output.cube.surfaces == 1 && stimulus.stream.ready.allSatisfy(\.self)
    else { return nil }
    self.design = design
    self.output = output
    self.expectation = expectation
    // An atom leaves the packer in the cycle after its pixel came.
    let resets = stimulus.stream.resets
    pixels = expectation.trace.outputs.filter { beat in
      !resets.contains { $0.contains(beat.cycle + 1) }
    }
  }

  /// Cycles after which all atoms have come: each pixel may wait for the atoms of the one before.
  var cycles: Int {
    let ready = expectation.stimulus.stream.ready
    let patience = (ready.count + ready.count { $0 } - 1) / max(1, ready.count { $0 }) + 1
    let atoms = pixels.count * output.cube.surfaces
    return expectation.cycles + patience * (atoms + ready.count)
  }

  /// The row of the report: tensors' bytes, addresses, marks.
  mutating func compare(record path: String) throws(Diagnostics) -> ComparisonResult.Row {
    var reader = try RecordReader(path: path)
    while let event = try reader.next() {
      if event.kind == .output { take(event) }
    }
    let wanted = pixels.count * output.cube.surfaces
    if row.events != wanted {
      row.problems.insert("\(row.events) atoms came, expected \(wanted)", at: 0)
    }
    return row
  }

  private mutating func report(_ problem: String) {
    if row.problems.count < 4 { row.problems.append(problem) }
  }

  /// The pixel and surface of an atom.
  private func place(of atom: Int) -> (beat: CycleTrace.OutputBeat, surface: Int, address: Int)? {
    let (beat, surface) = atom.quotientAndRemainder(dividingBy: output.cube.surfaces)
    guard beat < pixels.count else { return nil }
    let wanted = pixels[beat]
    let (line, column) = wanted.index.quotientAndRemainder(dividingBy: design.output.width)
    return (
      wanted, surface, output.cube.address(row: line, column: column, surface: surface)
    )
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
    // The atom, its address above it.
    let found = event.data.prefix(FeatureCube.atom)
    let place = event.data.dropFirst(FeatureCube.atom).reversed().reduce(UInt64(0)) {
      $0 << 8 | UInt64($1)
    }
    row.valuesCompared += FeatureCube.atom + 1
    if event.unknownChannel == nil, place != address {
      row.mismatches += 1
      report("atom \(atom): address \(place), expected \(address)")
    }
    if event.unknownChannel != nil || !wanted.elementsEqual(found) {
      let wrong = zip(wanted, found).count { $0 != $1 }
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
