import NeuralGraph
import RTL

/// What the AXI4-Lite master of a simulation does (`sim/df_batchnorm_master.v` has the format).
public struct BatchNormScript: Hashable, Sendable {
  public struct Write: Hashable, Sendable {
    /// The cycle before which it does not begin, and cycles after the write before it.
    public var notBefore = 0
    public var gap = 0
    /// Repeated until it is answered with OKAY.
    public var retries = false
    public var address: Int
    public var data: UInt32
    public var strobes = 15
    /// Cycles to the address, to the data, and from the answer to being ready for it.
    public var addressDelay = 0
    public var dataDelay = 0
    public var responseDelay = 0

    public init(_ address: Int, _ data: UInt32) {
      self.address = address
      self.data = data
    }
  }

  public struct Read: Hashable, Sendable {
    public var notBefore = 0
    public var gap = 0
    public var address: Int
    public var addressDelay = 0
    public var responseDelay = 0

    public init(_ address: Int) { self.address = address }
  }

  public var writes: [Write] = []
  public var reads: [Read] = []

  public init() {}

  /// Writes all values and commits; the first write waits until the one before is done with.
  public mutating func commit(_ values: BatchNormValues, _ map: RegisterMap) {
    let first = writes.count
    for (layer, channels) in values.layers.enumerated() {
      for (channel, value) in channels.enumerated() {
        func write(_ field: RegisterMap.Field, _ data: UInt32) {
          writes.append(Write(map.address(layer, channel: channel, field), data))
        }
        write(.bias, UInt32(bitPattern: Int32(value.bias)))
        write(.multiplier, UInt32(value.multiplier.multiplier))
        write(.shift, UInt32(-value.multiplier.exponent))
      }
    }
    writes[first].retries = true
    writes.append(Write(RegisterMap.Control.commit.rawValue, 1))
  }

  /// Random delays everywhere.
  public mutating func stall(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func delay() -> Int {
      let choice = Int(random.next() % 8)
      return choice < 5 ? 0 : choice < 7 ? Int(random.next() % 3) : Int(random.next() % 9)
    }
    for index in writes.indices {
      writes[index].gap += delay()
      writes[index].addressDelay = delay()
      writes[index].dataDelay = delay()
      writes[index].responseDelay = delay()
    }
    for index in reads.indices {
      reads[index].gap += delay()
      reads[index].addressDelay = delay()
      reads[index].responseDelay = delay()
    }
  }

  /// The first write and the first read that `answers` lack although a run of `cycles`, so many of them in
  /// reset, had room for them.
  func unanswered(_ answers: [BatchNormAnswer], cycles: Int, resets: Int) -> [String] {
    // An access waits for another at most, a reset lets it begin anew.
    let patience = 200 + 2 * resets
    var problems: [String] = []
    var next = 0
    var last = 0
    for answer in answers where answer.isWrite && next < writes.count {
      if !writes[next].retries || answer.response == 0 { next += 1 }
      last = answer.cycle
    }
    if next < writes.count {
      let write = writes[next]
      let delays = write.gap + max(write.addressDelay, write.dataDelay) + write.responseDelay
      if max(write.notBefore, last) + delays + patience < cycles {
        problems.append(
          "the write to 0x\(String(write.address, radix: 16)) was never answered")
      }
    }
    let found = answers.filter { !$0.isWrite }
    if found.count < reads.count {
      let read = reads[found.count]
      let delays = read.gap + read.addressDelay + read.responseDelay
      if max(read.notBefore, found.last?.cycle ?? 0) + delays + patience < cycles {
        problems.append("the read of 0x\(String(read.address, radix: 16)) was never answered")
      }
    }
    return problems
  }

  /// More cycles than all writes take when none is repeated.
  public var writeCycles: Int {
    writes.reduce(16) {
      // Its own, and as much for a read that it waits for.
      $0 + $1.gap + max($1.addressDelay, $1.dataDelay) + $1.responseDelay + 16
    }
  }

  public var readCycles: Int {
    reads.reduce(16) { $0 + $1.gap + $1.addressDelay + $1.responseDelay + 16 }
  }

  var writesText: [UInt8] {
    var text = "\(writes.count)\n"
    for write in writes {
      text +=
        "\(write.notBefore) \(write.gap) \(write.retries ? 1 : 0) "
        + String(write.address, radix: 16) + " " + String(write.data, radix: 16) + " "
        + String(write.strobes, radix: 16)
        + " \(write.addressDelay) \(write.dataDelay) \(write.responseDelay)\n"
    }
    return Array(text.utf8)
  }

  var readsText: [UInt8] {
    var text = "\(reads.count)\n"
    for read in reads {
      text +=
        "\(read.notBefore) \(read.gap) " + String(read.address, radix: 16)
        + " \(read.addressDelay) \(read.responseDelay)\n"
    }
    return Array(text.utf8)
  }
}

/// An answered access, as the master wrote it down.
public struct BatchNormAnswer: Hashable, Sendable {
  /// The first cycle of the answer's valid.
  public var cycle: Int
  public var isWrite: Bool
  public var address: Int
  /// Written, or read.
  public var data: UInt32
  /// 0 for a read.
  public var strobes: Int
  /// AXI's response: 0 OKAY, 2 SLVERR.
  public var response: Int

  /// All answers of a record, in order.
  static func read(_ bytes: [UInt8]) throws(Diagnostics) -> [BatchNormAnswer] {
    var answers: [BatchNormAnswer] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      let isWrite = fields.first == "w"
      guard fields.count == (isWrite ? 6 : 5), let cycle = Int(fields[1]),
        let address = Int(fields[2], radix: 16), let data = UInt32(fields[3], radix: 16),
        let strobes = isWrite ? Int(fields[4], radix: 16) : 0,
        let response = Int(fields[fields.count - 1])
      else {
        throw Diagnostics(Diagnostic("an answer on the AXI4-Lite port means nothing: \(line)"))
      }
      answers.append(
        BatchNormAnswer(
          cycle: cycle, isWrite: isWrite, address: address, data: data, strobes: strobes,
          response: response))
    }
    return answers.sorted { ($0.cycle, $0.isWrite ? 0 : 1) < ($1.cycle, $1.isWrite ? 0 : 1) }
  }
}
