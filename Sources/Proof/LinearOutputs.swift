import YosysNetlist

/// The outputs of a module that only adds and shifts, as linear forms over its inputs.
package struct LinearOutputs {
  /// By output port: a coefficient for each input, and a constant; right modulo 2^width. Nil where
  /// the port is no such form.
  package var forms: [String: (coefficients: [Int], constant: Int, width: Int)?] = [:]
  package var faults: [Fault] = []

  /// `module` has the input ports `x0`, `x1`, …, one for each of `inputs`, the numbers that they take;
  /// `cells` are the modules that it may have instances of.
  package init(_ module: Netlist, cells: [Netlist], inputs: [ClosedRange<Int>]) {
    let roles = Dictionary(
      uniqueKeysWithValues: inputs.indices.map {
        ("x\($0)", PortRole.pixel(channel: $0, row: nil))
      })
    let adders = Dictionary(
      cells.compactMap { cell in AdderCell(cell).map { (cell.name, $0) } },
      uniquingKeysWith: { first, _ in first })
    let layer = SymbolicLayer(
      module, front: LayerFront(form: .pointwise, roles: roles, codes: inputs, outside: nil),
      adderCells: adders)
    let outputs = module.ports.filter { $0.direction == .output }
    layer.evaluate(behind: outputs.flatMap(\.bits))
    for port in outputs {
      let value = layer.assemble(port.bits, modulus: port.bits.count, source: "")
      if let fault = value.fault { faults.append(layer.faults[fault]) }
      let form = layer.reduced(value.form, modulus: port.bits.count)
      var coefficients = [Int](repeating: 0, count: inputs.count)
      var isLinear = value.fault == nil
      for term in form.terms {
        if case .pixel(let channel) = layer.atoms[term.atom] {
          coefficients[channel] = term.coefficient
        } else {
          isLinear = false
        }
      }
      forms.updateValue(
        isLinear ? (coefficients, form.constant, port.bits.count) : nil, forKey: port.name)
    }
    faults += layer.globalFaults
  }
}
