import NeuralGraph
import YosysNetlist

/// A bit of a pixel: which channel's code, and which bit of it.
struct PixelBit: Hashable, Sendable {
  var channel: Int
  var bit: Int
}

/// The connections of a stage: what each layer's ports carry, and what leaves the stage. Control,
/// line buffer, valid pipeline and FIFO are templates; here is checked that they stand where the
/// program puts them, with the network's geometry.
struct StageWiring {
  /// By layer of the stage, by port.
  private(set) var roles: [[String: PortRole]] = []
  /// By bit of `out_pixel`.
  private(set) var output: [PixelBit?] = []
  private(set) var faults: [Fault] = []
  /// Registers between window and output, as the valid bits pass.
  private(set) var ranks = 0
  /// Words of the FIFO.
  private(set) var depth = 0

  /// What the stage is to be.
  struct Expectation {
    /// Modules of the layers, with ports, in order.
    var layers: [Netlist]
    var first: ExpectedLayer
    /// By bit of `in_pixel`.
    var input: [PixelBit?]
  }

  /// The layout of serial sums; nil for a stage without.
  private(set) var serial: SerialWiring?

  private var wiring: Wiring
  private let expected: Expectation
  private var control = ""
  private var lineBuffer = ""
  private var pipeline = ""
  private var fifo = ""

  init(_ netlist: Netlist, _ expected: Expectation) {
    self.expected = expected
    let rom = SerialWiring.romType(expected.layers[0].name)
    let isSerial = expected.first.serial != nil
    let romPorts = isSerial ? SerialWiring.romPorts(netlist).map { [rom: $0] } : nil
    wiring = Wiring(netlist, modules: expected.layers, ports: romPorts ?? [:])
    var serialInstances: [String] = []
    if isSerial {
      control = instance(of: SerialWiring.controlType)
      serialInstances = [instance(of: SerialWiring.accumulatorType), instance(of: rom)]
    } else {
      control = instance(
        of: expected.first.accumulates ? "df_frame_accumulator_control" : "df_window_control")
      lineBuffer = instance(of: "df_line_buffer")
    }
    pipeline = instance(of: "df_valid_pipeline")
    fifo = instance(of: "df_fifo")
    let instances = expected.layers.map { instance(of: $0.name) }
    let known = Set([control, lineBuffer, pipeline, fifo] + serialInstances + instances)
    for name in wiring.instances.keys.sorted() where !known.contains(name) {
      wiring.fail("there is one instance more: \(name)")
    }
    if wiring.faults.isEmpty { connectTemplates() }
    if wiring.faults.isEmpty, isSerial {
      connectSerial(accumulator: serialInstances[0], rom: serialInstances[1])
    } else if wiring.faults.isEmpty {
      connectWindow()
    }
    if wiring.faults.isEmpty {
      for (index, name) in instances.enumerated() { connect(layer: index, name, instances) }
      connectOutput(instances)
    }
    faults = wiring.faults
  }

  /// The only instance of a module.
  private mutating func instance(of type: String) -> String {
    let names = wiring.instances.filter { $0.value.type == type }.map(\.key)
    if names.count != 1 {
      wiring.fail("there are \(names.count) instances of \(type), expected one")
    }
    return names.min() ?? ""
  }

  private var geometry: WindowGeometry {
    expected.first.window
      ?? WindowGeometry(
        inputHeight: expected.first.inputType.shape.height,
        inputWidth: expected.first.inputType.shape.width, kernelHeight: 1, kernelWidth: 1,
        outputHeight: expected.first.inputType.shape.height,
        outputWidth: expected.first.inputType.shape.width)
  }

  private var stepPort: String { expected.first.accumulates ? "accumulate_step" : "column_step" }

  private mutating func connectTemplates() {
    for instance in [control, pipeline, fifo] {
      for port in ["aclk", "aresetn"] { wiring.require(instance, port, from: "", port) }
    }
    for port in ["in_valid", "in_user"] { wiring.require(control, port, from: "", port) }
    wiring.require("", "in_ready", from: control, "in_ready")
    wiring.require(control, "credit_return", from: fifo, "credit_return")
    let prefix = expected.first.accumulates || expected.first.serial != nil ? "result" : "window"
    for port in ["valid", "first", "last", "user"] {
      wiring.require(pipeline, "in_" + port, from: control, "\(prefix)_\(port)")
    }
    wiring.require("", "out_valid", from: fifo, "out_valid")
    wiring.require(fifo, "out_ready", from: "", "out_ready")
    depth = wiring.instances[fifo]?.parameters["DEPTH"]?.integer ?? 0
    if depth < 1 { wiring.fail("the FIFO's DEPTH is \(depth)") }
    ranks = wiring.instances[pipeline]?.parameters["RANKS"]?.integer ?? 0
    wiring.require(pipeline, parameters: [("USER_BITS", userBits)])
    wiring.require(fifo, parameters: [("WIDTH", wiring.bits(fifo, "in_data").count)])
    let valid = wiring.bits(pipeline, "valid")
    if ranks < 1 || valid.count != ranks + 1 || wiring.bits(fifo, "in_valid") != [valid[ranks]] {
      wiring.fail("the FIFO does not take words by the last valid bit")
    }
    if wiring.bits("", "in_pixel").count != expected.input.count {
      wiring.fail("in_pixel has not the bits of the pixel before the stage")
    }
  }

  private var userBits: Int { wiring.bits("", "in_user").count }

  /// Control and line buffer of a window, or of accumulators over a whole map.
  private mutating func connectWindow() {
    for port in ["aclk", "aresetn"] { wiring.require(lineBuffer, port, from: "", port) }
    wiring.require(lineBuffer, "step", from: control, "step")
    wiring.require(lineBuffer, "column_step", from: control, stepPort)
    wiring.require(lineBuffer, "pixel", from: "", "in_pixel")
    let geometry = geometry
    var parameters = [
      ("IMAGE_HEIGHT", geometry.inputHeight), ("IMAGE_WIDTH", geometry.inputWidth),
      ("USER_BITS", userBits), ("CREDITS", depth),
    ]
    if !expected.first.accumulates {
      parameters += [
        ("KERNEL_HEIGHT", geometry.kernelHeight), ("KERNEL_WIDTH", geometry.kernelWidth),
        ("STRIDE_Y", geometry.strideY), ("STRIDE_X", geometry.strideX),
        ("DILATION_Y", geometry.dilationY), ("DILATION_X", geometry.dilationX),
        ("PAD_TOP", geometry.padTop), ("PAD_LEFT", geometry.padLeft),
        ("OUTPUT_HEIGHT", geometry.outputHeight), ("OUTPUT_WIDTH", geometry.outputWidth),
      ]
    }
    wiring.require(control, parameters: parameters)
    wiring.require(
      lineBuffer,
      parameters: [
        ("PIXEL_BITS", expected.input.count), ("KERNEL_HEIGHT", geometry.kernelHeight),
        ("DILATION_Y", geometry.dilationY), ("IMAGE_WIDTH", geometry.inputWidth),
      ])
    if wiring.bits(lineBuffer, "column").count != expected.input.count * geometry.kernelHeight {
      wiring.fail("the line buffer has not the bits of the pixel before the stage")
    }
  }

  private mutating func connectSerial(accumulator: String, rom: String) {
    guard let first = expected.first.serial else { return }
    let outputs = expected.layers[0].ports.filter { $0.direction == .output }
      .compactMap { Self.channel(of: $0.name) }.sorted()
    guard outputs.allSatisfy(first.sums.indices.contains) else {
      wiring.fail("an output port of \(expected.layers[0].name) is no channel of the layer")
      return
    }
    serial = SerialWiring(
      &wiring, control: control, accumulator: accumulator, rom: rom, first, pixel: expected.input,
      outputs: outputs, depth: depth, userBits: userBits)
  }

  /// The channel whose code is exactly these pixel bits, in order.
  private func channel(_ bits: [PixelBit?], width: Int) -> Int? {
    guard let first = bits.first, let channel = first?.channel, bits.count == width else {
      return nil
    }
    for (index, bit) in bits.enumerated() where bit != PixelBit(channel: channel, bit: index) {
      return nil
    }
    return channel
  }

  /// Width of each channel of a packed pixel.
  private static func widths(_ bits: [PixelBit?]) -> [Int: Int] {
    bits.reduce(into: [:]) { widths, bit in
      if let bit { widths[bit.channel] = max(widths[bit.channel] ?? 0, bit.bit + 1) }
    }
  }

  private mutating func connect(layer index: Int, _ name: String, _ instances: [String]) {
    var roles: [String: PortRole] = [:]
    let inputWidths = Self.widths(expected.input)
    let rows = geometry.kernelHeight
    for port in expected.layers[index].ports where port.direction != .output {
      let bits = wiring.bits(name, port.name)
      let pins = bits.map { wiring.driver($0) }
      guard let first = pins.first, let source = first, bits.count == port.bits.count else {
        wiring.fail("\(name).\(port.name) is not connected with all its bits")
        continue
      }
      var role: PortRole?
      switch (source.instance, source.port) {
      case ("", "aclk") where bits.count == 1: role = .clock
      case (control, stepPort) where bits.count == 1 && index == 0: role = .step
      case (control, "accumulate_first") where bits.count == 1 && index == 0:
        role = .accumulateFirst
      case (control, "row_real") where bits.count == 1 && index == 0: role = .row(source.bit)
      case (control, "column_real") where bits.count == 1 && index == 0:
        role = .column(source.bit)
      case (lineBuffer, "column") where index == 0:
        // Kernel row a is in the bits from (rows - 1 - a) * PIXEL_BITS.
        let row = rows - 1 - source.bit / expected.input.count
        let pixel = pins.map { pin -> PixelBit? in
          guard let pin, pin.instance == lineBuffer, pin.port == "column",
            rows - 1 - pin.bit / expected.input.count == row
          else { return nil }
          return expected.input[pin.bit % expected.input.count]
        }
        let width = (pixel.first ?? nil).flatMap { inputWidths[$0.channel] } ?? 0
        if let channel = channel(pixel, width: width) {
          role = .pixel(channel: channel, row: expected.first.accumulates ? nil : row)
        }
      case (serial?.accumulator, "sums") where index == 0:
        if let output = serial?.output(bits, wiring) { role = .pixel(channel: output, row: nil) }
      case (let other, let port) where index > 0 && other == instances[index - 1]:
        let isWhole = bits == wiring.bits(other, port)
        if isWhole, let channel = Self.channel(of: port) {
          role = .pixel(channel: channel, row: nil)
        }
      default: break
      }
      if let role {
        roles[port.name] = role
      } else {
        wiring.fail("\(name).\(port.name) is connected to \(source), which it cannot be")
      }
    }
    self.roles.append(roles)
  }

  /// C of a port `qC`.
  static func channel(of port: String) -> Int? {
    guard port.hasPrefix("q"), let channel = Int(port.dropFirst()), channel >= 0,
      port == "q\(channel)"
    else { return nil }
    return channel
  }

  private mutating func connectOutput(_ instances: [String]) {
    let inData = wiring.bits(fifo, "in_data")
    let outData = wiring.bits(fifo, "out_data")
    guard inData.count == outData.count else {
      wiring.fail("the FIFO's words are not as wide on both sides")
      return
    }
    let entering = Dictionary(zip(outData, inData), uniquingKeysWith: { first, _ in first })
    for (port, source) in [
      ("out_first", "out_first"), ("out_last", "out_last"), ("out_user", "out_user"),
    ] {
      let bits = wiring.bits("", port).map { entering[$0] ?? .undefined }
      if bits.isEmpty || bits != wiring.bits(pipeline, source) {
        wiring.fail("\(port) is not \(pipeline).\(source) through the FIFO")
      }
    }
    output = wiring.bits("", "out_pixel").map { bit in
      guard let bit = entering[bit], let pin = wiring.driver(bit), let last = instances.last,
        pin.instance == last, let channel = Self.channel(of: pin.port)
      else { return nil }
      return PixelBit(channel: channel, bit: pin.bit)
    }
  }
}
