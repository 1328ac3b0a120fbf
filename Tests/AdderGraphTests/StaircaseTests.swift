import AdderGraph
import Testing

/// TFLite's two-rounding requantizer (`MultiplyByQuantizedMultiplier`), written from its formula.
private func requantize(_ accumulator: Int, _ multiplier: Int, _ exponent: Int) -> Int {
  let product = (accumulator << max(0, exponent)) * multiplier
  let nearest = (product + (1 << 30)) >> 31
  let right = max(0, -exponent)
  guard right > 0 else { return nearest }
  let half = 1 << (right - 1)
  return nearest >= 0 ? (nearest + half) >> right : -((-nearest + half) >> right)
}

/// A requantizer of a layer: multiplier, exponent, zero point, clamp.
private struct Layer {
  var multiplier: Int
  var exponent: Int
  var zeroPoint: Int
  var clamp: ClosedRange<Int>

  func callAsFunction(_ accumulator: Int) -> Int {
    min(
      max(zeroPoint + requantize(accumulator, multiplier, exponent), clamp.lowerBound),
      clamp.upperBound)
  }

  /// uint8 and int8, with and without an activation that cuts at the zero point.
  static func random(_ random: inout SeededGenerator, exponents: ClosedRange<Int>) -> Layer {
    let type = Bool.random(using: &random) ? 0...255 : -128...127
    let zeroPoint = Int.random(in: type, using: &random)
    let isCut = Int.random(in: 0..<3, using: &random) == 0
    return Layer(
      multiplier: Int.random(in: 1 << 30..<1 << 31, using: &random),
      exponent: Int.random(in: exponents, using: &random), zeroPoint: zeroPoint,
      clamp: isCut ? zeroPoint...type.upperBound : type)
  }
}

@Suite("Requantizers") struct StaircaseTests {
  @Test("Inputs cut off at the window give the same codes, and at a smaller one others")
  func window() throws {
    var random = SeededGenerator(seed: 77)
    var multipliers = ConstantMultiplier()
    var shrunk = 0
    for _ in 0..<60 {
      let layer = Layer.random(&random, exponents: -8...(-3))
      let domain = -6000...Int.random(in: 1...9000, using: &random)
      let staircase = try Staircase(domain: domain) { layer($0) }
      let line = try #require(
        staircase.fit(
          clamp: layer.clamp, using: &multipliers,
          options: .init(signExponents: [-layer.exponent])))
      let window = line.window
      func cut(_ x: Int, _ low: Int, _ high: Int) -> Int { min(max(x, low), high) }
      #expect(
        domain.allSatisfy {
          line.value(at: cut($0, window.lowerBound, window.upperBound)) == layer($0)
        })
      guard window.count > 2 else { continue }
      #expect(line.value(at: window.upperBound - 1) != staircase.highest)
      if window.lowerBound > domain.lowerBound {
        #expect(line.value(at: window.lowerBound + 1) != staircase.lowest)
        shrunk += 1
      }
    }
    #expect(shrunk > 10)
  }

  @Test("A multiplier whose input is moved within limits has an offset of the interval")
  func movedInput() {
    var random = SeededGenerator(seed: 78)
    var multipliers = ConstantMultiplier()
    for _ in 0..<200 {
      let constant = Int.random(in: 3...(1 << 18), using: &random) | 1
      let low = Int.random(in: -(1 << 24)...(1 << 24), using: &random)
      let offsets = low...(low + Int.random(in: 0...5000, using: &random))
      let first = Int.random(in: -5000...5000, using: &random)
      let moves = first...(first + Int.random(in: 0...90, using: &random))
      let affine = AffineMultiplier(
        graph: multipliers.graph(constant), offsets: offsets, inputOffsets: moves)
      #expect(moves.contains(affine.inputOffset))
      #expect(offsets.contains(affine.offset))
      #expect(affine.evaluate(1234) - affine.evaluate(1233) == constant)
    }
  }

  @Test("A staircase is its function, found by bisection", arguments: 0..<40)
  func staircaseEqualsFunction(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let layer = Layer.random(&random, exponents: -6...3)
    let low = Int.random(in: -3000...3000, using: &random)
    let domain = low...low + Int.random(in: 0...4000, using: &random)
    let staircase = try Staircase(domain: domain) { layer($0) }
    #expect(domain.allSatisfy { staircase.value(at: $0) == layer($0) })
    #expect(staircase.highest == layer(domain.upperBound))
  }

  @Test("A falling function and one of too many levels are refused") func refusesFunctions() {
    #expect(throws: Staircase.Failure.decreases(between: 0, and: 9)) {
      try Staircase(domain: 0...9) { -$0 }
    }
    #expect(throws: Staircase.Failure.decreases(between: 4, and: 9)) {
      try Staircase(domain: 0...9) { [0, 0, 0, 0, 9, 3, 3, 3, 3, 3][$0] }
    }
    #expect(throws: Staircase.Failure.tooManyLevels(70_001)) {
      try Staircase(domain: 0...70_000) { $0 }
    }
  }

  @Test(
    "The fit equals TFLite's requantizer on every accumulator, at both ends of its offsets",
    arguments: 0..<400)
  func fitIsExactEverywhere(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let layer = Layer.random(&random, exponents: -9...4)
    let reach = 200 << max(0, -layer.exponent)
    let low = Int.random(in: -reach...reach, using: &random)
    let domain = low...low + Int.random(in: 0...2 * reach, using: &random)
    let staircase = try Staircase(domain: domain) { layer($0) }
    var multipliers = ConstantMultiplier()
    let line = try #require(staircase.fit(clamp: layer.clamp, using: &multipliers))
    #expect(line.equals(staircase))
    var (isBelow, isAbove) = (false, false)
    for input in domain {
      #expect(line.value(at: input) == layer(input))
      for offset in [line.offsets.lowerBound, line.offsets.upperBound] {
        let value = line.unclamped(input, offset: offset)
        let cut = min(max(value, line.clamp.lowerBound), line.clamp.upperBound)
        #expect(cut == layer(input))
      }
      isBelow = isBelow || line.unclamped(input, offset: line.offset) < line.clamp.lowerBound
      isAbove = isAbove || line.unclamped(input, offset: line.offset) > line.clamp.upperBound
    }
    #expect(isBelow == line.needsLowerClamp && isAbove == line.needsUpperClamp)
  }

  @Test("Accumulators of real size are fitted, for both signs too", arguments: 0..<200)
  func fitsRealSizes(seed: Int) throws {
    var random = SeededGenerator(seed: seed)
    let layer = Layer.random(&random, exponents: -16...(-4))
    let reach = 160 << -layer.exponent
    let domain = -reach...Int.random(in: 1...reach, using: &random)
    let staircase = try Staircase(domain: domain) { layer($0) }
    var multipliers = ConstantMultiplier()
    let options = Staircase.FitOptions(signExponents: [-layer.exponent])
    let line = try #require(
      staircase.fit(clamp: layer.clamp, using: &multipliers, options: options))
    for _ in 0..<200 {
      let input = Int.random(in: domain, using: &random)
      #expect(line.value(at: input) == layer(input))
    }
    let graph = multipliers.graph(line.multiplier)
    let affine = AffineMultiplier(
      graph: graph, offsets: line.offsets, movesInput: line.signShift == nil)
    #expect(line.offsets.contains(affine.offset))
    #expect(line.signShift == nil || affine.inputOffset == 0)
    for input in [0, 1, -1, domain.lowerBound, domain.upperBound] {
      #expect(affine.evaluate(input) == input * line.multiplier + affine.offset)
    }
  }

  @Test("The proof rejects a line that is off by one anywhere") func proofRejects() throws {
    let layer = Layer(multiplier: 1_616_859_392, exponent: -5, zeroPoint: 128, clamp: 0...255)
    let staircase = try Staircase(domain: -9000...9000) { layer($0) }
    var multipliers = ConstantMultiplier()
    let line = try #require(staircase.fit(clamp: 0...255, using: &multipliers))
    #expect(line.signShift != nil)
    for index in staircase.thresholds.indices {
      for step in [-1, 1] {
        var moved = staircase.thresholds
        moved[index] += step
        let threshold = moved[index]
        guard moved == moved.sorted() else { continue }
        let other = try Staircase(domain: -9000...9000) { input in
          // The level whose threshold moved is reached one input earlier or later.
          let value = layer(input)
          if step < 0 { return input == threshold ? value + 1 : value }
          return input == threshold - 1 ? value - 1 : value
        }
        #expect(!line.equals(other))
      }
    }
  }

  @Test("A constant needs no multiplier, one threshold no adder") func degenerateStaircases() throws
  {
    var multipliers = ConstantMultiplier()
    let constant = try Staircase(domain: -5...900) { _ in 7 }
    let flat = try #require(constant.fit(clamp: 0...255, using: &multipliers))
    #expect(flat.multiplier == 0 && flat.value(at: 13) == 7 && flat.equals(constant))
    for threshold in [-4, 0, 1, 77, 900] {
      let step = try Staircase(domain: -5...900) { $0 >= threshold ? 1 : 0 }
      for clamp in [0...255, -128...127, 0...1] {
        let line = try #require(step.fit(clamp: clamp, using: &multipliers))
        #expect(line.equals(step) && multipliers.adderCount(line.multiplier) == 0)
      }
    }
  }

  @Test("Wide steps and steep rises are fitted") func steepStaircases() throws {
    var multipliers = ConstantMultiplier()
    for slope in [1, 2, 3, 5, 16, 100] {
      let staircase = try Staircase(domain: -40...40) { min(max(slope * $0 + 3, -128), 127) }
      let line = try #require(staircase.fit(clamp: -128...127, using: &multipliers))
      #expect((-40...40).allSatisfy { line.value(at: $0) == min(max(slope * $0 + 3, -128), 127) })
    }
  }
}

@Suite("Constant multipliers") struct ConstantMultiplierTests {
  @Test("Every constant from -4096 to 4095 is proved and never dearer than its digits")
  func smallConstants() {
    var multipliers = ConstantMultiplier()
    var counts: [Int: Int] = [:]
    for constant in -4096...4095 {
      let graph = multipliers.graph(constant)
      let matrix = ConstantMatrix(inputs: 1, outputs: 1, values: [constant])
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph.adderCount == multipliers.adderCount(constant))
      #expect(graph.adderCount <= max(0, SignedDigits(constant).count - 1))
      if constant > 0 { counts[graph.adderCount, default: 0] += 1 }
    }
    // Up to 12 bits no constant needs more than four adders (Dempster and Macleod 1994).
    #expect(counts.keys.max() == 4 || counts.keys.max() == 3)
  }

  @Test("Large random constants are proved and cheap", arguments: 0..<30)
  func largeConstants(seed: Int) {
    var random = SeededGenerator(seed: seed)
    var multipliers = ConstantMultiplier()
    let bits = Int.random(in: 12...36, using: &random)
    let constant = Int.random(in: 1 << (bits - 1)..<1 << bits, using: &random)
    let graph = multipliers.graph(constant)
    let matrix = ConstantMatrix(inputs: 1, outputs: 1, values: [constant])
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount == multipliers.adderCount(constant))
    #expect(graph.adderCount <= bits / 4 + 2)
  }

  @Test("Constants of 21 bits whose parts share an adder take five at most")
  func sharedParts() {
    var multipliers = ConstantMultiplier()
    for constant in [1_410_669, 1_185_963, 1_296_717, 1_561_767, 1_469_803] {
      let graph = multipliers.graph(constant)
      let matrix = ConstantMatrix(inputs: 1, outputs: 1, values: [constant])
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph.adderCount == multipliers.adderCount(constant))
      #expect(graph.adderCount <= 5)
    }
  }

  @Test("The constants of one adder are 2^k and one more or less")
  func oneAdder() {
    var multipliers = ConstantMultiplier()
    for power in 2...22 {
      #expect(multipliers.adderCount((1 << power) + 1) == 1)
      #expect(multipliers.adderCount((1 << power) - 1) == 1)
      #expect(multipliers.adderCount(3 << power) == 1)
      #expect(multipliers.adderCount(-(1 << power)) == 0)
    }
    #expect(multipliers.adderCount(0) == 0)
    // 43 is the least constant of three adders (Dempster and Macleod 1994).
    #expect((1..<43).allSatisfy { multipliers.adderCount($0) <= 2 })
    #expect([45, 11, 43].map { multipliers.adderCount($0) } == [2, 2, 3])
  }

  @Test("Offsets are reached for nothing wherever a constant fits under a shift", arguments: 0..<80)
  func offsets(seed: Int) {
    var random = SeededGenerator(seed: seed)
    var multipliers = ConstantMultiplier()
    let constant = Int.random(in: 1...200_000, using: &random)
    let low = Int.random(in: -10_000_000...10_000_000, using: &random)
    let offsets = low...low + Int.random(in: 0...3000, using: &random)
    let movesInput = Bool.random(using: &random)
    let affine = AffineMultiplier(
      graph: multipliers.graph(constant), offsets: offsets, movesInput: movesInput)
    #expect(offsets.contains(affine.offset))
    #expect(affine.adderCount <= multipliers.adderCount(constant) + 1)
    #expect(movesInput || affine.inputOffset == 0)
    for input in [-70_000, -1, 0, 1, 12_345] {
      #expect(affine.evaluate(input) == input * constant + affine.offset)
    }
    for fill in affine.fills {
      guard case .add(let a, let b) = affine.graph[fill.node] else { continue }
      #expect(1..<(1 << max(a.shift, b.shift)) ~= fill.value)
    }
  }
}
