import Synthesis

/// A cell library of its own for tests: six gates, a flip-flop and adders; no process is like it.
enum TinyLibrary {
  /// A combinational cell: pins by function, every arc a constant delay.
  private static func gate(
    _ name: String, _ area: Double, _ inputs: [String], _ outputs: [(String, String)]
  ) -> String {
    var text = "  cell (\(name)) {\n    area : \(area);\n    cell_leakage_power : 1.0;\n"
    for input in inputs {
      text += "    pin (\(input)) { direction : input; capacitance : 1.0; }\n"
    }
    for (output, function) in outputs {
      text += """
            pin (\(output)) {
              direction : output; function : "\(function)"; max_capacitance : 60;

        """
      for input in inputs {
        text += """
                timing () {
                  related_pin : "\(input)"; timing_sense : non_unate;
                  \(tables(0.05))
                }

          """
      }
      text += "    }\n"
    }
    return text + "  }\n"
  }

  private static func tables(_ delay: Double) -> String {
    let row = "\"\(delay), \(delay + 0.2)\""
    return ["cell_rise", "cell_fall", "rise_transition", "fall_transition"].map {
      "\($0) (slope) { index_1 (\"0.01, 1\"); index_2 (\"1, 50\"); values (\(row), \(row)); }"
    }.joined(separator: "\n          ")
  }

  static let flipFlop = """
      cell (DFF) {
        area : 5.0;
        ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }
        pin (D) {
          direction : input; capacitance : 1.0;
          timing () {
            related_pin : "CK"; timing_type : setup_rising;
            rise_constraint (scalar) { values ("0.03"); }
            fall_constraint (scalar) { values ("0.03"); }
          }
        }
        pin (CK) { direction : input; clock : true; capacitance : 1.0; }
        pin (Q) {
          direction : output; function : "IQ";
          timing () { related_pin : "CK"; timing_type : rising_edge; \(tables(0.1)) }
        }
      }

    """

  static let gates =
    gate("INV", 0.5, ["A"], [("Y", "!A")]) + gate("BUF", 0.8, ["A"], [("Y", "A")])
    + gate("NAND2", 1, ["A", "B"], [("Y", "(A B)'")])
    + gate("NOR2", 1, ["A", "B"], [("Y", "!(A + B)")])
    + gate("XOR2", 2, ["A", "B"], [("Y", "A ^ B")])
    + gate("MUX2", 2.5, ["A", "B", "S"], [("Y", "(A * !S) + (B * S)")])

  /// A full adder with inverted outputs, and a half adder.
  static let adders =
    gate(
      "FAN", 4, ["A", "B", "C"],
      [("CON", "!((A & B) | (A & C) | (B & C))"), ("SN", "!(A ^ B ^ C)")])
    + gate("HA", 3, ["A", "B"], [("CO", "(A B)"), ("S", "(A ^ B)")])

  static func text(_ cells: String...) -> String {
    """
    /* A library
       for tests. */
    library (tiny) {
      delay_model : table_lookup;
      time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1nW";
      capacitive_load_unit (1, ff);
      nom_voltage : 1.0; nom_temperature : 25; nom_process : 1;
      operating_conditions (typical) { process : 1; temperature : 25; voltage : 1.0; }
      default_operating_conditions : typical;
      slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
      slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
      input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
      output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
      lu_table_template (slope) {
        variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
        index_1 ("0.01, 1"); index_2 ("1, 50");
      }
    \(cells.joined())}

    """
  }

  static let whole = text(gates, flipFlop, adders)

  static func library(_ texts: String...) throws -> CellLibrary {
    try CellLibrary(
      texts.enumerated().map { (name: "tiny\($0.offset).lib", bytes: Array($0.element.utf8)) })
  }
}
