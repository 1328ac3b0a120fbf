import Compression
import Testing

@Suite("Trade-off")
struct TradeOffTests {
  private func point(_ name: String, adders: Int, right: Int) -> TradeOffPoint {
    TradeOffPoint(
      name: name, weightBits: 6, saved: 15, adders: adders, gates: 0, right: right, images: 200)
  }

  @Test("Pareto points are those that nothing cheaper matches")
  func pareto() {
    let tradeOff = TradeOff(
      [
        point("a", adders: 30, right: 180), point("b", adders: 10, right: 150),
        point("c", adders: 20, right: 150), point("d", adders: 30, right: 170),
        point("e", adders: 40, right: 180), point("f", adders: 50, right: 199),
      ], isLabelled: true)
    #expect(tradeOff.points.map(\.name) == ["b", "c", "a", "d", "e", "f"])
    #expect(tradeOff.points.filter(\.isPareto).map(\.name) == ["b", "a", "f"])
  }

  @Test("the table has a heading and a line a point")
  func table() {
    let tradeOff = TradeOff([point("a", adders: 30, right: 181)], isLabelled: false)
    #expect(
      tradeOff.csv == """
        name,weight_bits,saved_percent,adders,gates,right,images,agreement_percent,pareto
        a,6,15.0,30,0,181,200,90.50,1

        """)
  }

  @Test("a title cannot break out of the plot's script")
  func title() {
    let tradeOff = TradeOff([], isLabelled: true)
    #expect(tradeOff.gnuplot(csv: "t.csv", title: "a'\n!rm\"b").contains("set title 'a!rmb'\n"))
  }
}
