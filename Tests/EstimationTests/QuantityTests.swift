import Estimation
import Testing

@Suite("Figures")
struct QuantityTests {
  let measured = Quantity(2, .squareMicrometre, Provenance(.measured, "tool", error: 0.02))
  let stated = Quantity(
    low: 1, high: 4, .squareMicrometre, Provenance(.stated, "reason", error: 0.5))

  @Test("a sum is as infirm as its less firm part, with both sources and the larger error")
  func sum() {
    let sum = measured + stated
    #expect(sum.low == 3 && sum.high == 6)
    #expect(sum.provenance == Provenance(.stated, ["reason", "tool"], error: 0.5))
  }

  @Test("a hull holds both ways to find a figure")
  func hull() {
    let hull = measured.hull(stated)
    #expect(hull.low == 1 && hull.high == 4)
  }

  @Test("the middle of an interval is its geometric mean")
  func middle() { #expect(stated.middle == 2) }

  @Test("a square millimetre is a million square micrometres")
  func units() {
    #expect((measured * 1e6).converted(to: .squareMillimetre).low == 2)
  }
}
