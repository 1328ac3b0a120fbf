import RTL
import Testing

@Suite struct CodeTableTests {
  @Test("the identity takes no decision but those of its own bits, a constant takes none")
  func decisions() {
    #expect(CodeTable(0...255) { $0 }.decisions == 8)
    #expect(CodeTable(-128...127) { $0 }.decisions == 8)
    #expect(CodeTable(-128...127) { _ in 5 }.decisions == 0)
    // One bit and its inverse are two multiplexers of the same variable.
    #expect(CodeTable(0...1) { $0 == 0 ? 2 : 1 }.decisions == 2)
    // x[1] & x[0]: a decision on x[1] between 0 and x[0].
    #expect(CodeTable(0...3) { $0 == 3 ? 1 : 0 }.decisions == 2)
  }

  @Test("codes that do not occur take no decision")
  func absent() {
    // Of 0 ... 7 only 6 and 7 occur; both have the same result as all others then.
    #expect(CodeTable(6...7) { _ in 3 }.decisions == 0)
    #expect(CodeTable(4...7) { $0 & 1 }.decisions <= 2)
  }

  @Test("the most frequent result is the least of equal ones")
  func mostFrequent() {
    #expect(CodeTable(0...3) { [7, -2, 7, -2][$0] }.mostFrequent == -2)
  }
}
