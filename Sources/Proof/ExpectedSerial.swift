import NeuralGraph

/// A layer over the whole map whose sums are taken step by step: what a sum is to be, and what follows it.
struct ExpectedSerial: Sendable {
  /// The weight of (output, row, column, input channel), and the map.
  let weight: @Sendable (Int, Int, Int, Int) -> Int
  let height: Int
  let width: Int
  /// By input channel, every code that it takes.
  let codes: [ClosedRange<Int>]
  /// By output channel, the sum over the input channels that can be more than one code, every value of it,
  /// and what it lacks to be TFLite's accumulator.
  private(set) var sums: [ClosedRange<Int>] = []
  private(set) var offsets: [Int] = []

  init(
    codes: [ClosedRange<Int>], height: Int, width: Int, outputs: Int, bias: (Int) -> Int,
    zeroPoint: Int, weight: @escaping @Sendable (Int, Int, Int, Int) -> Int
  ) {
    self.weight = weight
    self.height = height
    self.width = width
    self.codes = codes
    for output in 0..<outputs {
      var (low, high, offset) = (0, 0, bias(output))
      for row in 0..<height {
        for column in 0..<width {
          for (input, range) in codes.enumerated() {
            let weight = weight(output, row, column, input)
            offset -= weight * zeroPoint
            if isLive(input) {
              low += weight * (weight > 0 ? range.lowerBound : range.upperBound)
              high += weight * (weight > 0 ? range.upperBound : range.lowerBound)
            } else {
              offset += weight * range.lowerBound
            }
          }
        }
      }
      sums.append(low...high)
      offsets.append(offset)
    }
  }

  func isLive(_ input: Int) -> Bool { codes[input].lowerBound < codes[input].upperBound }
}

/// The lines of a ROM's file that is right: nothing else may stand in it, comments at its head aside.
struct ExpectedROM {
  let module: String
  let addressBits: Int
  let wordBits: Int
  /// The hexadecimal digits of each word.
  let words: [String]

  /// A word holds `lanes` times `unroll` weights of `weightBits` bits, that of lane l and code u at
  /// l * unroll + u; words follow each other by pixel, by group of outputs, by turn of the row of codes.
  /// `row` are the input channels of the row, `outputs` the output channels of the lanes of the first group,
  /// then the second. A weight that would be too wide is a fault.
  init(
    _ expected: ExpectedSerial, module: String, row: [Int], outputs: [Int], turns: Int,
    lanes: Int, unroll: Int, weightBits: Int, addressBits: Int
  ) throws(Diagnostic) {
    self.module = module
    self.addressBits = addressBits
    wordBits = lanes * unroll * weightBits
    let groups = (outputs.count + lanes - 1) / lanes
    let range = -(1 << (weightBits - 1))...(1 << (weightBits - 1)) - 1
    let digits = (wordBits + 3) / 4
    var words: [String] = []
    for y in 0..<expected.height {
      for x in 0..<expected.width {
        for group in 0..<groups {
          for turn in 0..<turns {
            var nibbles = [UInt8](repeating: 0, count: digits)
            for lane in 0..<lanes where group * lanes + lane < outputs.count {
              for place in 0..<unroll where turn * unroll + place < row.count {
                let weight = expected.weight(
                  outputs[group * lanes + lane], y, x, row[turn * unroll + place])
                guard range.contains(weight) else {
                  throw Diagnostic("a weight of \(weight) has more than \(weightBits) bits")
                }
                let low = (lane * unroll + place) * weightBits
                for bit in 0..<weightBits where weight & (1 << bit) != 0 {
                  nibbles[digits - 1 - (low + bit) / 4] |= 1 << ((low + bit) % 4)
                }
              }
            }
            words.append(
              String(decoding: nibbles.map { $0 < 10 ? 48 + $0 : 87 + $0 }, as: UTF8.self))
          }
        }
      }
    }
    self.words = words
  }

  /// What is wrong with a file; nil for the file that it is to be.
  func problem(of text: String) -> String? {
    var found = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = found.first, line.hasPrefix("//") { found.removeFirst() }
    var number = text.split(separator: "\n", omittingEmptySubsequences: false).count - found.count
    var mismatch: String?
    func expect(_ line: String) {
      guard mismatch == nil else { return }
      number += 1
      guard found.first.map({ $0 == line }) ?? false else {
        mismatch =
          "line \(number) of rtl/\(module).v is '\(found.first.map { $0.prefix(80) } ?? "")', and is to "
          + "be '\(line.prefix(80))'"
        return
      }
      found.removeFirst()
    }
    func range(_ bits: Int) -> String { bits > 1 ? "[\(bits - 1):0] " : "" }
    for line in [
      "`default_nettype none", "", "module \(module) (", "  input wire aclk,",
      "  input wire read,", "  input wire \(range(addressBits))address,",
      "  output wire \(range(wordBits))word", ");",
      "  reg \(range(wordBits))held;", "  assign word = held;", "",
      "  always @(posedge aclk)", "    if (read)",
    ] { expect(line) }
    // Of more than 256 words 256 stand in a case of their own.
    func lines(_ part: Range<Int>, _ bits: Int, _ indent: String) {
      for address in part {
        expect(
          "\(indent)\(bits)'d\(address - part.lowerBound): held <= \(wordBits)'h\(words[address]);")
      }
      expect("\(indent)default: held <= \(wordBits)'h0;")
    }
    if words.count <= 256 {
      expect("      case (address)")
      lines(0..<words.count, addressBits, "        ")
    } else {
      let high = addressBits - 8
      expect("      case (address[" + (high == 1 ? "8" : "\(addressBits - 1):8") + "])")
      for first in stride(from: 0, to: words.count, by: 256) {
        expect("        \(high)'d\(first / 256):")
        expect("          case (address[7:0])")
        lines(first..<min(first + 256, words.count), 8, "            ")
        expect("          endcase")
      }
      expect("        default: held <= \(wordBits)'h0;")
    }
    for line in ["      endcase", "endmodule", "", "`default_nettype wire", ""] { expect(line) }
    if mismatch == nil, !found.isEmpty { mismatch = "rtl/\(module).v goes on behind its end" }
    return mismatch
  }
}
