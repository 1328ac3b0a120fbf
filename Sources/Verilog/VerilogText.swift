/// The one place that makes Verilog text: a dumb printer over a byte buffer.
struct VerilogText {
  private var bytes: [UInt8] = []

  var string: String { String(decoding: bytes, as: UTF8.self) }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }
  private mutating func write(_ number: Int) {
    if (0..<10).contains(number) {
      bytes.append(UInt8(48 + number))
    } else {
      write(String(number))
    }
  }

  private mutating func writeRange(_ width: Int) {
    guard width > 1 else { return }
    write("[")
    write(width - 1)
    write(":0] ")
  }

  // MARK: Expressions

  mutating func append(_ expression: Expression) {
    switch expression {
    case .name(let name): write(name)
    case .bit(let name, let bit):
      write(name)
      write("[")
      write(bit)
      write("]")
    case .slice(let name, let high, let low):
      write(name)
      write("[")
      write(high)
      write(":")
      write(low)
      write("]")
    case .constant(let width, let value): appendConstant(width: width, value: value)
    case .concatenation(let parts):
      write("{")
      appendList(parts)
      write("}")
    case .replication(let count, let part):
      write("{")
      write(count)
      if case .concatenation = part {
        append(part)
      } else {
        write("{")
        append(part)
        write("}")
      }
      write("}")
    case .unary(let unaryOperator, let operand):
      write(unaryOperator.rawValue)
      appendOperand(operand, parenthesized: unaryOperator == .signed)
    case .binary(let binaryOperator, let left, let right):
      appendOperand(left)
      write(" ")
      write(binaryOperator.rawValue)
      write(" ")
      appendOperand(right)
    case .conditional(let condition, let left, let right):
      appendOperand(condition)
      write(" ? ")
      appendOperand(left)
      write(" : ")
      if case .conditional = right {
        append(right)
      } else {
        appendOperand(right)
      }
    case .call(let function, let argument):
      write("\(function)(")
      append(argument)
      write(")")
    }
  }

  private mutating func append(_ table: Table) {
    func range(_ width: Int) -> String { width > 1 ? "[\(width - 1):0] " : "" }
    write("  function \(range(table.width))\(table.name);\n")
    write("    input \(range(table.argumentWidth))code;\n")
    write("    case (code)\n")
    for line in table.lines {
      let codes = line.codes.map { Expression.constant(width: table.argumentWidth, value: $0) }
      for start in stride(from: 0, to: codes.count, by: 10) {
        let end = min(start + 10, codes.count)
        write("      ")
        appendList(Array(codes[start..<end]))
        write(end < codes.count ? ",\n" : ": \(table.name) = ")
      }
      appendConstant(width: table.width, value: line.result)
      write(";\n")
    }
    write("      default: \(table.name) = ")
    appendConstant(width: table.width, value: table.otherwise)
    write(";\n    endcase\n  endfunction\n")
  }

  private mutating func append(_ memory: ReadOnlyMemory) {
    write("  always @(posedge \(memory.clock))\n    if (\(memory.enable))\n")
    let perCase = ReadOnlyMemory.wordsPerCase
    func lines(_ range: Range<Int>, _ width: Int, indent: String) {
      for address in range {
        write(
          "\(indent)\(width)'d\(address - range.lowerBound): \(memory.target) <= "
            + "\(memory.width)'h\(memory.words[address]);\n")
      }
      write("\(indent)default: \(memory.target) <= \(memory.width)'h0;\n")
    }
    if memory.words.count <= perCase {
      write("      case (\(memory.address))\n")
      lines(0..<memory.words.count, memory.addressWidth, indent: "        ")
      write("      endcase\n")
      return
    }
    let low = 8
    let high = memory.addressWidth - low
    let selector = high == 1 ? "\(low)" : "\(memory.addressWidth - 1):\(low)"
    write("      case (\(memory.address)[\(selector)])\n")
    for first in stride(from: 0, to: memory.words.count, by: perCase) {
      write("        \(high)'d\(first / perCase):\n")
      write("          case (\(memory.address)[\(low - 1):0])\n")
      lines(first..<min(first + perCase, memory.words.count), low, indent: "            ")
      write("          endcase\n")
    }
    write("        default: \(memory.target) <= \(memory.width)'h0;\n      endcase\n")
  }

  private mutating func appendList(_ parts: [Expression]) {
    for (index, part) in parts.enumerated() {
      if index > 0 { write(",") }
      append(part)
    }
  }

  private mutating func appendOperand(_ operand: Expression, parenthesized: Bool = false) {
    var parenthesized = parenthesized
    switch operand {
    case .binary, .conditional: parenthesized = true
    case .unary(let unaryOperator, _):
      if unaryOperator != .signed, unaryOperator != .invert { parenthesized = true }
    default: break
    }
    if parenthesized { write("(") }
    append(operand)
    if parenthesized { write(")") }
  }

  private mutating func appendConstant(width: Int, value: Int) {
    precondition(width >= 1 && width <= 64, "a Verilog constant has 1 to 64 bits")
    let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
    let pattern = UInt64(bitPattern: Int64(value)) & mask
    write(width)
    if width <= 4 || pattern < 10 {
      write("'d")
      write(String(pattern))
    } else {
      write("'h")
      write(String(pattern, radix: 16))
    }
  }

  // MARK: Items

  /// One line of printable ASCII, whatever `line` holds: models' names stand in comments.
  private mutating func writeComment(_ line: String, indent: String) {
    write(indent)
    write(line.isEmpty ? "//" : "// ")
    for scalar in line.unicodeScalars {
      bytes.append((" "..."~").contains(scalar) ? UInt8(scalar.value) : UInt8(ascii: "?"))
    }
    write("\n")
  }

  mutating func append(_ item: Item) {
    switch item {
    case .comment(let lines):
      for line in lines { writeComment(line, indent: "  ") }
    case .blank: write("\n")
    case .wires(let width, let names): appendDeclaration("wire ", width, names)
    case .registers(let width, let names, let attribute):
      appendDeclaration((attribute.map { "(* \($0) *) " } ?? "") + "reg ", width, names)
    case .define(let width, let name, let value):
      write("  wire ")
      writeRange(width)
      write(name)
      write(" = ")
      append(value)
      write(";\n")
    case .assign(let assignment):
      write("  assign ")
      append(assignment.target)
      write(" = ")
      append(assignment.value)
      write(";\n")
    case .table(let table): append(table)
    case .readOnlyMemory(let memory): append(memory)
    case .whenDefined(let macro, let items):
      write("`ifdef \(macro)\n")
      for item in items { append(item) }
      write("`endif\n")
    case .clocked(let clock, let enable, let assignments):
      guard !assignments.isEmpty else { return }
      write("  always @(posedge \(clock))")
      if let enable {
        write(" if (")
        append(enable)
        write(")")
      }
      write(" begin\n")
      for assignment in assignments {
        write("    ")
        append(assignment.target)
        write(" <= ")
        append(assignment.value)
        write(";\n")
      }
      write("  end\n")
    case .cell(let module, let name, let connections):
      write("  \(module) \(name) (")
      for (index, connection) in connections.enumerated() {
        write(index == 0 ? "." : ", .")
        write(connection.port)
        write("(")
        if let value = connection.value { append(value) }
        write(")")
      }
      write(");\n")
    case .instance(let module, let parameters, let name, let connections):
      appendInstance(module, parameters, name, connections)
    }
  }

  /// Names separated by commas, wrapped before column 100.
  private mutating func appendDeclaration(_ keyword: String, _ width: Int, _ names: [String]) {
    guard !names.isEmpty else { return }
    write("  ")
    write(keyword)
    writeRange(width)
    var column = 2 + keyword.utf8.count + 8
    for (index, name) in names.enumerated() {
      if index > 0 {
        write(",")
        if column + name.utf8.count > 96 {
          write("\n    ")
          column = 4
        } else {
          write(" ")
        }
      }
      write(name)
      column += name.utf8.count + 2
    }
    write(";\n")
  }

  private mutating func appendInstance(
    _ module: String, _ parameters: [Parameter], _ name: String, _ connections: [Connection]
  ) {
    write("  \(module)")
    if !parameters.isEmpty {
      write(" #(\n")
      for (index, parameter) in parameters.enumerated() {
        write("    .\(parameter.name)(")
        append(parameter.value)
        write(index + 1 == parameters.count ? ")\n" : "),\n")
      }
      write("  )")
    }
    write(" \(name) (\n")
    for (index, connection) in connections.enumerated() {
      write("    .\(connection.port)(")
      if let value = connection.value { append(value) }
      write(")")
      write(index + 1 == connections.count ? "\n" : ",\n")
    }
    write("  );\n")
  }

  // MARK: Modules

  mutating func append(_ module: Module) {
    write("module \(module.name) (\n")
    for (index, port) in module.ports.enumerated() {
      write("  \(port.direction.rawValue) wire ")
      writeRange(port.width)
      write(port.name)
      write(index + 1 == module.ports.count ? "\n" : ",\n")
    }
    write(");\n")
    for item in module.items { append(item) }
    write("endmodule\n")
  }

  mutating func append(_ file: SourceFile) {
    for line in file.header { writeComment(line, indent: "") }
    write("`default_nettype none\n\n")
    append(file.module)
    write("\n`default_nettype wire\n")
  }
}
