import NeuralGraph
import RTL
import YosysNetlist

/// The connections of the top: stream adapter, stages, what stands between them, and the pixel that
/// leaves.
struct TopWiring {
  private(set) var faults: [Fault] = []
  private var wiring: Wiring
  private let stages: [Netlist]
  /// What each stage reads, and by stream (the input first) whether its pixel has a bit.
  private let inputs: [[StageInput]]
  private let isLive: [Bool]
  private var streamIn = ""
  private var instances: [String] = []
  /// Forks, joins and skip FIFOs that were found where they belong.
  private var between: Set<String> = []

  init(
    _ netlist: Netlist, stages: [Netlist], inputs: [[StageInput]], isLive: [Bool],
    input: QuantizedType
  ) {
    self.stages = stages
    self.inputs = inputs
    self.isLive = isLive
    wiring = Wiring(netlist, modules: stages)
    streamIn = instance(of: "df_stream_in")
    instances = stages.map { instance(of: $0.name) }
    if wiring.faults.isEmpty { connect(input) }
    let known = Set(instances + [streamIn]).union(between)
    for name in wiring.instances.keys.sorted() where !known.contains(name) {
      wiring.fail("there is one instance more: \(name)")
    }
    faults = wiring.faults
  }

  private mutating func instance(of type: String) -> String {
    let names = wiring.instances.filter { $0.value.type == type }.map(\.key)
    if names.count != 1 {
      wiring.fail("there are \(names.count) instances of \(type), expected one")
    }
    return names.min() ?? ""
  }

  private mutating func connect(_ input: QuantizedType) {
    for instance in [streamIn] + instances {
      for port in ["aclk", "aresetn"] { wiring.require(instance, port, from: "", port) }
    }
    for port in ["s_axis_tvalid", "s_axis_tdata", "s_axis_tuser", "s_axis_tlast"] {
      wiring.require(streamIn, port, from: "", port)
    }
    for port in ["s_axis_tready", "framing_error"] {
      wiring.require("", port, from: streamIn, port)
    }
    let channels = input.shape.channels
    let user = wiring.bits(streamIn, "out_user").count
    wiring.require(
      streamIn,
      parameters: [
        ("DATA_BITS", 8 * channels), ("USER_BITS", user), ("IMAGE_HEIGHT", input.shape.height),
        ("IMAGE_WIDTH", input.shape.width),
      ])
    let pad = wiring.instances[streamIn]?.parameters["PAD"]?.bits ?? ""
    let byte = String(input.zeroPoint & 255, radix: 2)
    let wanted = String(repeating: "0", count: 8 - byte.count) + byte
    if pad != String(repeating: wanted, count: channels) {
      wiring.fail("the parameter PAD of \(streamIn) is not the zero point \(input.zeroPoint)")
    }
    if wiring.bits("", "s_axis_tdata").count != 8 * channels {
      wiring.fail("s_axis_tdata has not 8 bits a channel")
    }
    connectStreams()
    let last = instances[instances.count - 1]
    wiring.require("", "m_axis_tvalid", from: last, "out_valid")
    wiring.require(last, "out_ready", from: "", "m_axis_tready")
    wiring.require("", "m_axis_tlast", from: last, "out_last")
    if wiring.bits("", "m_axis_tuser")
      != wiring.bits(last, "out_first") + wiring.bits(last, "out_user")
    {
      wiring.fail("m_axis_tuser is not the start of frame and the sideband")
    }
  }

  // MARK: Between stages

  /// The handshake of one end of a connection, and what passes with it.
  private struct End {
    var valid: [Netlist.Bit]
    var ready: [Netlist.Bit]
    var pixel: [Netlist.Bit] = []
    var user: [Netlist.Bit] = []
  }

  /// What a stream's source gives; the input has the index -1.
  private func source(_ stream: Int) -> End {
    let instance = stream < 0 ? streamIn : instances[stream]
    return End(
      valid: wiring.bits(instance, "out_valid"), ready: wiring.bits(instance, "out_ready"),
      pixel: wiring.bits(instance, stream < 0 ? "out_data" : "out_pixel"),
      user: wiring.bits(instance, "out_user"))
  }

  /// Checks every stage's inputs, back to the streams that they read, and every stream's readers.
  private mutating func connectStreams() {
    var readers = [[End]](repeating: [], count: instances.count + 1)
    for (index, name) in instances.enumerated() {
      let stage = End(
        valid: wiring.bits(name, "in_valid"), ready: wiring.bits(name, "in_ready"),
        pixel: wiring.bits(name, "in_pixel"), user: wiring.bits(name, "in_user"))
      var ends = [stage]
      if inputs[index].count > 1 { ends = join(stage, name, inputs[index].count) }
      guard ends.count == inputs[index].count else { continue }
      var pixel: [Netlist.Bit] = []
      var users: [[Netlist.Bit]] = []
      for (end, input) in zip(ends, inputs[index]) {
        let stream = input.stage ?? -1
        var given = source(stream)
        var taken = end
        if input.skipDepth > 0 {
          guard let skip = skip(end, name, input.skipDepth, from: given) else { continue }
          (taken, given) = skip
        }
        readers[stream + 1].append(taken)
        if isLive[stream + 1] || ends.count == 1 { pixel += given.pixel }
        if !given.user.isEmpty { users.append(given.user) }
      }
      if pixel.isEmpty { pixel = [.zero] }
      if stage.pixel != pixel { wiring.fail("\(name).in_pixel is not the pixels that it reads") }
      if !users.contains(stage.user) { wiring.fail("\(name).in_user is not a sideband it reads") }
    }
    for stream in -1..<instances.count - 1 { fork(stream, readers[stream + 1]) }
  }

  /// The instance of a template that drives a wire.
  private mutating func driver(_ bits: [Netlist.Bit], _ type: String, _ place: String) -> String? {
    guard bits.count == 1, let pin = wiring.driver(bits[0]),
      wiring.instances[pin.instance]?.type == type
    else {
      wiring.fail("\(place) is not driven by an instance of \(type)")
      return nil
    }
    between.insert(pin.instance)
    return pin.instance
  }

  /// The inputs of the join in front of a stage.
  private mutating func join(_ stage: End, _ name: String, _ count: Int) -> [End] {
    guard let join = driver(stage.valid, "df_join", "\(name).in_valid") else { return [] }
    wiring.require(join, parameters: [("INPUTS", count)])
    let valid = wiring.bits(join, "in_valid")
    let ready = wiring.bits(join, "in_ready")
    guard valid.count == count, ready.count == count, wiring.bits(join, "out_valid") == stage.valid,
      wiring.bits(join, "out_ready") == stage.ready
    else {
      wiring.fail("\(join) has not \(name)'s handshake")
      return []
    }
    return (0..<count).map { End(valid: [valid[$0]], ready: [ready[$0]]) }
  }

  /// The skip FIFO in front of a join's input: its own input, and what it gives.
  private mutating func skip(_ end: End, _ name: String, _ depth: Int, from source: End)
    -> (taken: End, given: End)?
  {
    guard let skip = driver(end.valid, "df_skip_fifo", "an input of \(name)") else { return nil }
    for port in ["aclk", "aresetn"] { wiring.require(skip, port, from: "", port) }
    let width = source.pixel.count
    let inData = wiring.bits(skip, "in_data")
    let outData = wiring.bits(skip, "out_data")
    wiring.require(skip, parameters: [("WIDTH", inData.count), ("DEPTH", depth)])
    guard wiring.bits(skip, "out_ready") == end.ready, inData.count == outData.count,
      inData == source.pixel || inData == source.pixel + source.user
    else {
      wiring.fail("\(skip) does not hold the pixels that \(name) waits with")
      return nil
    }
    return (
      End(valid: wiring.bits(skip, "in_valid"), ready: wiring.bits(skip, "in_ready")),
      End(
        valid: end.valid, ready: end.ready, pixel: Array(outData[..<width]),
        user: Array(outData[width...]))
    )
  }

  /// A stream's readers: one straight, several behind a fork.
  private mutating func fork(_ stream: Int, _ readers: [End]) {
    let source = source(stream)
    let name = stream < 0 ? streamIn : instances[stream]
    guard readers.count > 1 else {
      if readers.first?.valid != source.valid || readers.first?.ready != source.ready {
        wiring.fail("\(name) has not its reader's handshake")
      }
      return
    }
    guard let fork = driver(readers[0].valid, "df_fork", "a reader of \(name)") else { return }
    wiring.require(fork, parameters: [("READERS", readers.count)])
    if wiring.bits(fork, "in_valid") != source.valid
      || wiring.bits(fork, "in_ready") != source.ready
      || wiring.bits(fork, "out_valid") != readers.flatMap(\.valid)
      || wiring.bits(fork, "out_ready") != readers.flatMap(\.ready)
    {
      wiring.fail("\(fork) has not the handshakes of \(name) and its readers")
    }
  }

  /// Checks `m_axis_tdata`: a byte a channel, live channels as `pixel` packs them, extended to 8 bits
  /// as their codes need, others their constant.
  mutating func checkOutput(_ pixel: [PixelBit?], codes: [ClosedRange<Int>]) {
    guard faults.isEmpty, let last = instances.last else { return }
    let data = wiring.bits("", "m_axis_tdata")
    let word = wiring.bits(last, "out_pixel")
    guard data.count == 8 * codes.count, word.count == pixel.count else {
      wiring.fail("m_axis_tdata has not 8 bits a channel, or out_pixel not the stage's bits")
      faults = wiring.faults
      return
    }
    var bits: [PixelBit: Netlist.Bit] = [:]
    for (bit, place) in zip(word, pixel) { if let place { bits[place] = bit } }
    for (channel, codes) in codes.enumerated() {
      var live: [Netlist.Bit] = []
      while let bit = bits[PixelBit(channel: channel, bit: live.count)] { live.append(bit) }
      let byte = Array(data[8 * channel..<8 * channel + 8])
      let isRight: Bool
      if live.isEmpty {
        guard codes.lowerBound == codes.upperBound else {
          wiring.fail(
            "channel \(channel) can be \(codes.lowerBound) to \(codes.upperBound) and is not there")
          continue
        }
        isRight = byte == (0..<8).map { codes.lowerBound >> $0 & 1 == 1 ? .one : .zero }
      } else {
        // Eight bits hold the code modulo 256 whatever the sign; fewer are extended.
        isRight =
          live.count <= 8 && Array(byte.prefix(live.count)) == live
          && (live.count == 8
            || Netlist.extends(live, by: Array(byte.dropFirst(live.count)), codes))
      }
      if !isRight {
        wiring.fail(
          "bits \(8 * channel + 7) to \(8 * channel) of m_axis_tdata are not channel \(channel)")
      }
    }
    faults = wiring.faults
  }
}

extension Netlist {
  /// True when `fill` above `bits`, zeros or all the sign bit, extends every one of these codes.
  static func extends(_ bits: [Bit], by fill: [Bit], _ codes: ClosedRange<Int>) -> Bool {
    guard let sign = bits.last, bits.count < 32 else { return false }
    func holds(_ range: Range<Int>) -> Bool {
      range.contains(codes.lowerBound) && range.contains(codes.upperBound)
    }
    if fill.isEmpty {
      return holds(0..<1 << bits.count) || holds(-(1 << (bits.count - 1))..<1 << (bits.count - 1))
    }
    return (fill.allSatisfy { $0 == .zero } && holds(0..<1 << bits.count))
      || (fill.allSatisfy { $0 == sign }
        && holds(-(1 << (bits.count - 1))..<1 << (bits.count - 1)))
  }
}
