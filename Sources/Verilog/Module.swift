/// A port of a module. A width of 1 prints without a range.
public struct Port: Hashable, Sendable {
  public enum Direction: String, Hashable, Sendable {
    case input, output
  }

  public var direction: Direction
  public var name: String
  /// Bits, at least 1.
  public var width: Int

  public init(_ direction: Direction, _ name: String, width: Int = 1) {
    self.direction = direction
    self.name = name
    self.width = width
  }
}

/// `left <= right;` in a clocked process, or `assign left = right;` outside.
public struct Assignment: Hashable, Sendable {
  public var target: Expression
  public var value: Expression

  public init(_ target: Expression, _ value: Expression) {
    self.target = target
    self.value = value
  }
}

/// The value of a module parameter in an instance.
public struct Parameter: Hashable, Sendable {
  public var name: String
  public var value: Expression

  public init(_ name: String, _ value: Expression) {
    self.name = name
    self.value = value
  }

  /// An unsized decimal, for sizes and counts.
  public init(_ name: String, _ value: Int) {
    self.init(name, .name(String(value)))
  }
}

/// One connection of an instance; nil leaves an output open.
public struct Connection: Hashable, Sendable {
  public var port: String
  public var value: Expression?

  public init(_ port: String, _ value: Expression?) {
    self.port = port
    self.value = value
  }

  public init(_ port: String, _ name: String) {
    self.init(port, .name(name))
  }
}

/// `function name(code)`: a constant for each listed value of its argument, another one for all others.
public struct Table: Hashable, Sendable {
  /// The values of the argument that have one result.
  public struct Line: Hashable, Sendable {
    public var codes: [Int]
    public var result: Int

    public init(codes: [Int], result: Int) {
      self.codes = codes
      self.result = result
    }
  }

  public var name: String
  /// Bits of the argument, and of the result.
  public var argumentWidth: Int
  public var width: Int
  /// No value of the argument stands in two of them.
  public var lines: [Line]
  public var otherwise: Int

  public init(
    name: String, argumentWidth: Int, width: Int, lines: [Line], otherwise: Int
  ) {
    self.name = name
    self.argumentWidth = argumentWidth
    self.width = width
    self.lines = lines
    self.otherwise = otherwise
  }
}

/// A read-only memory with a registered output: words by address, 0 at all others.
public struct ReadOnlyMemory: Hashable, Sendable {
  public var clock: String
  /// The name of a bit: a word is read where it is 1.
  public var enable: String
  public var address: String
  public var addressWidth: Int
  /// The name of the register that takes the word, and its bits.
  public var target: String
  public var width: Int
  /// The words' hexadecimal digits, the highest first, by address.
  public var words: [String]

  public init(
    clock: String, enable: String, address: String, addressWidth: Int, target: String, width: Int,
    words: [String]
  ) {
    self.clock = clock
    self.enable = enable
    self.address = address
    self.addressWidth = addressWidth
    self.target = target
    self.width = width
    self.words = words
  }

  /// Words of one `case`: of more there is one for each so many, so that simulators find a word by a
  /// table and not by comparisons one after the other.
  public static let wordsPerCase = 256
}

/// One thing inside a module.
public enum Item: Hashable, Sendable {
  /// A `//` comment; each element is a line.
  case comment([String])
  case blank
  /// `wire [width-1:0] names;`
  case wires(width: Int, names: [String])
  /// `reg [width-1:0] names;`, with an attribute such as `keep` before it.
  case registers(width: Int, names: [String], attribute: String?)
  /// `wire [width-1:0] name = value;`
  case define(width: Int, name: String, value: Expression)
  case assign(Assignment)
  /// A function of one argument: `default` of all of its values but those listed.
  case table(Table)
  case readOnlyMemory(ReadOnlyMemory)
  /// "`ifdef macro" around items.
  case whenDefined(macro: String, [Item])
  /// `always @(posedge clock) [if (enable)] begin ... end`
  case clocked(clock: String, enable: Expression?, [Assignment])
  /// `module name (connections);` in one line: an instance of a module of a few bits.
  case cell(module: String, name: String, connections: [Connection])
  /// `module #(parameters) name (connections);`
  case instance(
    module: String, parameters: [Parameter], name: String, connections: [Connection])

  /// Registers that take new values at the same edge, `assignmentsPerProcess` a process: Yosys' time
  /// for one grows with the square of its assignments.
  public static func processes(
    clock: String, enable: Expression?, _ assignments: [Assignment],
    assignmentsPerProcess: Int = 64
  ) -> [Item] {
    stride(from: 0, to: assignments.count, by: assignmentsPerProcess).map {
      .clocked(
        clock: clock, enable: enable,
        Array(assignments[$0..<min($0 + assignmentsPerProcess, assignments.count)]))
    }
  }
}

/// A Verilog module with ANSI ports.
public struct Module: Hashable, Sendable {
  public var name: String
  public var ports: [Port]
  public var items: [Item]

  public init(name: String, ports: [Port], items: [Item]) {
    self.name = name
    self.ports = ports
    self.items = items
  }
}

/// A file with one module and a header that says what it is.
public struct SourceFile: Hashable, Sendable {
  /// Lines of the header comment.
  public var header: [String]
  public var module: Module

  public init(header: [String], module: Module) {
    self.header = header
    self.module = module
  }

  public var fileName: String { module.name + ".v" }

  /// The file's text; ends with a newline.
  public var text: String {
    var text = VerilogText()
    text.append(self)
    return text.string
  }
}
