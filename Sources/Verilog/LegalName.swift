/// Makes legal, unique Verilog identifiers out of the names that models use.
public struct LegalNames: Sendable {
  private var used: Set<String> = []

  public init(reserved: [String] = []) { used = Set(reserved) }

  /// `name` in lower case with every run of other characters than letters and digits as one `_`,
  /// never a keyword, at most 48 characters, distinct from every name given before.
  public mutating func legalize(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      let isWord = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9") ~= scalar)
      if isWord {
        text.unicodeScalars.append(scalar)
      } else if !text.isEmpty, text.last != "_" {
        text.append("_")
      }
    }
    text = String(text.lowercased().prefix(48))
    while text.last == "_" { text.removeLast() }
    if text.isEmpty { text = "unnamed" }
    if let first = text.first, first.isNumber { text = "n" + text }
    if verilogKeywords.contains(text) { text += "_" }
    var candidate = text
    var suffix = 2
    while !used.insert(candidate).inserted {
      candidate = "\(text)_\(suffix)"
      suffix += 1
    }
    return candidate
  }
}

/// The keywords of Verilog-2005 (IEEE 1364-2005, annex B) and of SystemVerilog that a model's
/// layer name could meet.
let verilogKeywords: Set<String> = [
  "always", "and", "assign", "automatic", "begin", "bit", "buf", "bufif0", "bufif1", "byte", "case",
  "casex", "casez", "cell", "chandle", "checker", "class", "clocking", "cmos", "config", "const",
  "constraint", "context", "cover", "cross", "deassign", "default", "defparam", "design",
  "disable", "dist", "do", "edge", "else", "end", "endcase", "endconfig", "endfunction",
  "endgenerate", "endmodule", "endprimitive", "endspecify", "endtable", "endtask", "enum",
  "event", "export", "expect", "extends", "extern", "final", "first_match", "for", "force",
  "foreach", "forever", "fork", "function", "generate", "genvar", "global", "highz0", "highz1",
  "if", "iff", "ifnone", "ignore_bins", "import", "incdir", "include", "initial", "inout", "input",
  "inside", "instance", "int", "integer", "interface", "intersect", "join", "large", "liblist",
  "library", "local", "localparam", "logic", "longint", "macromodule", "matches", "medium",
  "modport", "module", "nand", "negedge", "new", "nmos", "nor", "noshowcancelled", "not", "notif0",
  "notif1", "null", "or", "output", "package", "packed", "parameter", "pmos", "posedge",
  "primitive", "priority", "program", "property", "protected", "pull0", "pull1", "pulldown",
  "pullup", "pulsestyle_ondetect", "pulsestyle_onevent", "pure", "rand", "randc", "randcase",
  "rcmos", "real", "realtime", "ref", "reg", "release", "repeat", "return", "rnmos", "rpmos",
  "rtran", "rtranif0", "rtranif1", "scalared", "sequence", "shortint", "shortreal",
  "showcancelled", "signed", "small", "solve", "specify", "specparam", "static", "string",
  "strong0", "strong1", "struct", "super", "supply0", "supply1", "table", "tagged", "task", "this",
  "throughout", "time", "timeprecision", "timeunit", "tran", "tranif0", "tranif1", "tri", "tri0",
  "tri1", "triand", "trior", "trireg", "type", "typedef", "union", "unique", "unsigned", "use",
  "uwire", "var", "vectored", "virtual", "void", "wait", "wait_order", "wand", "weak0", "weak1",
  "while", "wildcard", "wire", "with", "within", "wor", "xnor", "xor",
]
