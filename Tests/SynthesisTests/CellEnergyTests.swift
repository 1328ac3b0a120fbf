import Synthesis
import Testing

@Suite struct CellEnergyTests {
  private func library(_ power: String, unit: String = "1, ff") throws -> CellLibrary {
    let gate = """
        cell (BIG) {
          area : 1;
          pg_pin (VSS) { pg_type : primary_ground; }
          leakage_power () { value : 4; } leakage_power () { value : 8; }
          pin (A) { direction : input; capacitance : 2.5; }
          pin (Y) { direction : output; function : "A"; \(power) }
        }

      """
    let templates = """
        power_lut_template (by_slew) { variable_1 : input_transition_time;
          variable_2 : total_output_net_capacitance; }
        power_lut_template (by_load) { variable_1 : total_output_net_capacitance;
          variable_2 : input_transition_time; }

      """
    let text = TinyLibrary.text(TinyLibrary.gates, TinyLibrary.flipFlop, templates, gate)
    return try TinyLibrary.library(text.replacing("1, ff", with: unit))
  }

  private static let slewFirst = """
    internal_power () {
      rise_power (by_slew) { index_1 ("1, 2, 3"); index_2 ("10, 20"); values ("0, 0", "4, 8", "9, 9"); }
      fall_power (by_slew) { index_1 ("1, 2, 3"); index_2 ("10, 20"); values ("0, 0", "2, 2", "9, 9"); }
    }
    """

  @Test("an energy is that of the middle slew, between the table's loads")
  func table() throws {
    let energy = try #require(library(Self.slewFirst).cells["BIG"]).energy
    #expect(energy.leakage == 6)
    #expect(energy.capacitance["A"] == 2.5)
    // The mean of rising and falling.
    #expect(energy.transition("Y", load: 10) == 3)
    #expect(energy.transition("Y", load: 15) == 4)
    #expect(energy.transition("Y", load: 99) == 5)
    #expect(energy.transition("Y", load: 0) == 3)
  }

  @Test("a table by load and slew reads the same, and what flows to ground is left out")
  func transposed() throws {
    let power = """
      internal_power () {
        related_pg_pin : VSS;
        rise_power (by_load) { index_1 ("10, 20"); index_2 ("1, 2, 3"); values ("7, 7, 7", "7, 7, 7"); }
      }
      internal_power () {
        rise_power (by_load) { index_1 ("10, 20"); index_2 ("1, 2, 3"); values ("0, 4, 9", "0, 8, 9"); }
        fall_power (by_load) { index_1 ("10, 20"); index_2 ("1, 2, 3"); values ("0, 2, 9", "0, 2, 9"); }
      }
      """
    #expect(try #require(library(power).cells["BIG"]).energy.transition("Y", load: 15) == 4)
  }

  @Test("picofarads are a thousand femtofarads, and energies follow")
  func units() throws {
    let energy = try #require(library(Self.slewFirst, unit: "1, pf").cells["BIG"]).energy
    #expect(energy.capacitance["A"] == 2500)
    #expect(abs(energy.transition("Y", load: 15_000) - 4000) < 1e-6)
  }
}
