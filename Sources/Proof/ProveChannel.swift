/// What a channel's proof went through, or where it failed.
struct ChannelProof {
  /// Linear coefficients compared, and intervals of sums on which the codes were compared.
  var coefficients = 0
  var intervals = 0
  var failures: [Fault] = []
}

extension SymbolicLayer {
  /// Most evaluations of a channel before it is given up as undecided.
  private static let mostEvaluations = 1 << 24
  /// Most coefficients of a channel that are told.
  private static let mostTold = 4

  /// Proves that a port is the channel's code, for every sum that it can have.
  func prove(_ value: Value, width: Int, _ expectation: ChannelExpectation) -> ChannelProof {
    var proof = ChannelProof()
    let codes = expectation.codes
    guard codes.upperBound - codes.lowerBound < 1 << width else {
      proof.failures.append(
        Fault(
          .width, "\(width) bits cannot hold the codes \(codes.lowerBound) to \(codes.upperBound)"))
      return proof
    }
    var programs: [[AtomID: Int]: ChannelProgram] = [:]
    var room: [Bounds] = []
    for expected in expectation.cases {
      let program: ChannelProgram
      if let known = programs[expected.masks] {
        program = known
      } else {
        do throws(ChannelProgram.Mismatch) {
          program = try ChannelProgram(
            value.form, width: width, layer: self, expectation: expectation, masks: expected.masks)
        } catch {
          proof.failures += told(error, value, width, expectation, expected.masks)
          return proof
        }
        programs[expected.masks] = program
        proof.coefficients += expectation.weights.count
      }
      if let failure = compare(program, expected, width, expectation, &room, &proof.intervals) {
        proof.failures.append(failure)
        return proof
      }
    }
    return proof
  }

  /// Compares on runs of sums with one code; a run that does not come out as one code is halved.
  private func compare(
    _ program: ChannelProgram, _ expected: ChannelExpectation.Case, _ width: Int,
    _ expectation: ChannelExpectation, _ room: inout [Bounds], _ intervals: inout Int
  ) -> Fault? {
    var next = expected.sums.lowerBound
    while next <= expected.sums.upperBound {
      let code = expected.code(next)
      var last = next
      var beyond = expected.sums.upperBound
      if !expected.isMonotone {
        beyond = next
      } else if expected.code(beyond) == code {
        last = beyond
      } else {
        while beyond - last > 1 {
          let middle = last + (beyond - last) / 2
          if expected.code(middle) == code { last = middle } else { beyond = middle }
        }
      }
      var pending = [(next, last)]
      while let (low, high) = pending.popLast() {
        intervals += 1
        if intervals > Self.mostEvaluations {
          return Fault(.notCovered, "its code is undecided after \(intervals) evaluations")
        }
        if let found = program.evaluate(low, high, width: width, &room) {
          guard !areEqual(found, code, modulo: width) else { continue }
          let read = expectation.codes.lowerBound < 0 ? centred(found, width) : found
          return Fault(
            .code,
            "for the sum \(low << expectation.shift) of weights times codes the code is \(read), "
              + "expected \(code)")
        }
        guard low < high else { return Fault(.notCovered, "its code is undecided") }
        let middle = low + (high - low) / 2
        pending.append((middle + 1, high))
        pending.append((low, middle))
      }
      next = last + 1
    }
    return nil
  }

  /// What a program that cannot be made says: coefficients that differ, also if words were wide
  /// enough, and the word that is not.
  private func told(
    _ mismatch: ChannelProgram.Mismatch, _ value: Value, _ width: Int,
    _ expectation: ChannelExpectation, _ masks: [AtomID: Int]
  ) -> [Fault] {
    let adders = Fault(
      .notCovered, "sums and carries of adders that this proof cannot put together to a number")
    if mismatch.adders { return [adders] }
    guard let slice = mismatch.slice,
      case .slice(_, let low, let count, let isSigned) = atoms[slice]
    else { return told(mismatch, expectation) }
    var faults: [Fault] = []
    do throws(ChannelProgram.Mismatch) {
      _ = try ChannelProgram(
        value.form, width: width, layer: self, expectation: expectation, masks: masks,
        ignoresWidths: true)
    } catch {
      if error.adders { return [adders] }
      faults = told(error, expectation)
    }
    let word = Int(mismatch.word)
    let range = values[word]?.interval.map { " holds \($0.lowerBound) to \($0.upperBound) and" }
    faults.append(
      Fault(
        .width,
        "\(describe(word)), \(counted(words[word].width, "bit")),\(range ?? "") is read as "
          + "\(isSigned ? "a signed" : "an unsigned") number in bits \(low + count - 1) to \(low), "
          + "and is no multiple of the channel's sum", source: source(word)))
    return faults
  }

  private func told(_ mismatch: ChannelProgram.Mismatch, _ expectation: ChannelExpectation)
    -> [Fault]
  {
    let place = mismatch.word < 0 ? "" : source(Int(mismatch.word))
    let name = mismatch.word < 0 ? "the output" : describe(Int(mismatch.word))
    var faults: [Fault] = []
    for entry in mismatch.coefficients.prefix(Self.mostTold) {
      var (expected, found) = (entry.expected, entry.found)
      var times = ""
      if expected.remainderReportingOverflow(dividingBy: mismatch.factor) == (0, false),
        found.remainderReportingOverflow(dividingBy: mismatch.factor) == (0, false)
      {
        expected = expected / mismatch.factor << expectation.shift
        found = found / mismatch.factor << expectation.shift
      } else {
        times = ", which is \(mismatch.factor) times the sum"
      }
      faults.append(
        Fault(
          .coefficient,
          "\(atoms.describe(entry.atom)): coefficient expected \(expected), found \(found) in "
            + "\(name)\(times)", source: place))
    }
    if mismatch.coefficients.count > Self.mostTold {
      faults.append(
        Fault(
          .coefficient,
          "and \(mismatch.coefficients.count - Self.mostTold) coefficients more", source: place))
    }
    return faults
  }
}
