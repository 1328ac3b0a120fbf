import Estimation
import NeuralGraph
import Testing

@Suite("Scaling between nodes")
struct ProcessNodeTests {
  @Test("45 nm at 1.0 V comes to 16 nm at 0.8 V by the published factors")
  func published() throws {
    let from = try ProcessNode(45).operation(voltage: 1.0)
    let to = try ProcessNode(16).operation(voltage: 0.8)
    // Stillmaker and Baas: delay x0.538, energy x0.140, area x0.19.
    #expect(abs(from.delayFactor(to: to) - 0.538) < 0.001)
    #expect(abs(from.energyFactor(to: to) - 0.140) < 0.0005)
    #expect(from.node.areaFactor(to: to.node) == 0.19)
    #expect(abs(to.node.areaFactor(to: from.node) * 0.19 - 1) < 1e-12)
  }

  @Test("areas go through 16 nm, so 7 nm to 45 nm grows 3.2 / 0.19 times")
  func throughSixteen() throws {
    let factor = try ProcessNode(7).areaFactor(to: ProcessNode(45))
    #expect(abs(factor - 3.2 / 0.19) < 1e-12)
  }

  @Test(
    "1.1 V lies beyond where the 45 nm delay polynomial turns up, and is refused with the remedy")
  func turnedUp() throws {
    let node = try ProcessNode(45)
    let error = #expect(throws: Diagnostics.self) { _ = try node.operation(voltage: 1.1) }
    #expect(error?.description.contains("1.0 V") == true)
    #expect(throws: Never.self) { _ = try node.operation(voltage: 1.0) }
  }

  @Test("every node with polynomials works at its usual voltage")
  func usualVoltages() throws {
    for size in [180, 130, 45, 16, 7] {
      _ = try ProcessNode(size).operation()
    }
  }

  @Test("an unknown node is a diagnostic that names the nodes")
  func unknown() {
    let error = #expect(throws: Diagnostics.self) { _ = try ProcessNode(17) }
    #expect(error?.description.contains("180, 130, 90, 65, 45, 32, 20, 16, 14, 10, 7") == true)
  }

  @Test("a node with areas alone has no delay and no energy")
  func areasAlone() throws {
    let node = try ProcessNode(65)
    #expect(node.areaFactor(to: try ProcessNode(16)) == 0.13)
    #expect(throws: Diagnostics.self) { _ = try node.operation() }
  }

  @Test(
    "voltages that are none are refused", arguments: [Double.nan, .infinity, -1, 0, 1e300])
  func absurdVoltages(voltage: Double) throws {
    let node = try ProcessNode(16)
    #expect(throws: Diagnostics.self) { _ = try node.operation(voltage: voltage) }
  }

  @Test("a scaled figure says that it is scaled, an unscaled one stays what it was")
  func provenance() throws {
    let area = Quantity(
      100, .squareMicrometre, Provenance(.measured, "a tool"))
    let from = try ProcessNode(45).operation()
    let to = try ProcessNode(16).operation()
    let scaled = area.scaled(from: from, to: to)
    #expect(abs(scaled.middle - 19) < 1e-12)
    #expect(scaled.provenance.kind == .scaled)
    #expect(scaled.provenance.sources.contains("a tool"))
    #expect(area.scaled(from: from, to: from) == area)
  }
}
