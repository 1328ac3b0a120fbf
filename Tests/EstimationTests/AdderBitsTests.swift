import Estimation
import RTL
import Testing

/// What an adder's bits count as: one layer of one adder between two 8-bit inputs.
@Suite("Bits of adders")
struct AdderBitsTests {
  /// Full, sign and half bits of `a op b` in a layer of the example whose datapath is that adder alone.
  private func counts(
    _ first: Interval, _ second: Interval, isConstant: Bool = false,
    _ operands: (SignalID, SignalID) -> (Datapath.Operand, Datapath.Operand), _ result: Interval,
    name: String = "sum1"
  ) -> [Double] {
    var design = Example.design
    var datapath = Datapath()
    let a = datapath.append("a", .input, first)
    let b = datapath.append("b", isConstant ? .constant(second.lowerBound) : .input, second)
    let (left, right) = operands(a, b)
    let sum = datapath.append(name, .add(left, right), result)
    datapath.outputs = [sum]
    design.stages[0].layers[0].datapath = datapath
    design.stages[0].layers[0].widths = SignalWidths(datapath)
    let found = FixedLayerModel.counts(of: design, sram: Example.technology.sram)[0].counts
    return name == "sum1"
      ? [found[.sumFullBits], found[.sumSignBits], found[.sumHalfBits]]
      : [found[.requantizerFullBits], found[.requantizerSignBits], found[.requantizerHalfBits]]
  }

  @Test("bits below a shifted operand are wires, bits above a shorter one meet a carry alone")
  func shifted() {
    // a + 16 b: bits 0 to 3 are a's, 4 to 7 both, 8 to 12 b and a carry.
    #expect(
      counts(0...255, 0...255, { (.init($0), .init($1, shift: 4)) }, 0...4335) == [4, 0, 5])
    #expect(counts(0...255, 0...255, { (.init($0), .init($1)) }, 0...510) == [8, 0, 1])
  }

  @Test("the sign of a shorter operand meets the longer one's bits")
  func signed() {
    // 14 bits hold -128 to 4207.
    #expect(
      counts(-128...127, 0...255, { (.init($0), .init($1, shift: 4)) }, -128...4207) == [4, 6, 0])
    // 16 a - b: the carry begins at bit 0.
    #expect(
      counts(
        0...255, 0...255, { (.init($0, shift: 4), .init($1, isNegated: true)) }, -255...4080)
        == [4, 5, 4])
  }

  @Test("operands that do not meet are wires, and constants take half a bit each")
  func wires() {
    #expect(
      counts(0...255, 0...255, { (.init($0), .init($1, shift: 8)) }, 0...65_535) == [0, 0, 0])
    #expect(
      counts(0...255, 12...12, isConstant: true, { (.init($0), .init($1)) }, 12...267)
        == [0, 0, 7])
  }

  @Test("what stands behind a sum counts with the requantizer")
  func requantizer() {
    #expect(
      counts(0...255, 0...255, { (.init($0), .init($1)) }, 0...510, name: "mul1_1") == [8, 0, 1])
  }
}
