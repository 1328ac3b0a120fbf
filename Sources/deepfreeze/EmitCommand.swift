import AdderGraph
import ArgumentParser
import BackEnd
import Estimation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import Simulation

/// `deepfreeze emit`: a model's first layers as Verilog.
struct EmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emit",
    abstract: "Writes a model's first layers as bit-exact, pipelined Verilog.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many convolutions to fix, in order, from 1, or 'all' that hardware exists for.",
      valueName: "n|all"))
  var fixedLayers: FixedLayers

  @Option(name: .customLong("output"), help: "The folder to write.")
  var folder: String

  @Option(help: "Adder levels between two registers (default: 2).")
  var pipelineLevels: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The clock period: as many levels as the technology's paths allow.", valueName: "ns"))
  var clock: Double?

  @Option(help: "The technology of --clock: a name, or a JSON file.")
  var technology: String?

  @Option(help: "The most readers of one register.")
  var fanOutLimit: Int = 32

  @Option(help: "Bits of tuser above the start of frame, from 1 to 63.")
  var sidebandBits: Int = 8

  @Option(help: "How long to search for fewer adders: 0 not at all, 1 a second, 2, 3 minutes.")
  var effort: Int = 1

  @Option(help: "What to have few of: adders, gates (of heaps), luts, or depth (then adders).")
  var objective: AdderGraph.Objective = .adders

  @Option(help: "The most adder levels of a weight sum; as many as it takes unless given.")
  var maxDepth: Int?

  @Option(help: "How sums are written: words (one + or - an adder) or heap (full and half adders).")
  var adderStyle: AdderStyle = .words

  @Option(
    help: ArgumentHelp(
      """
      Fully connected layers: serial (a few multipliers, weights in a ROM, where the stream leaves \
      the time) or adders.
      """, valueName: "style"))
  var fullyConnected: FullyConnectedStyle = .serial

  @Option(
    help: ArgumentHelp(
      "Convolutions whose biases and scales are registers, written over AXI4-Lite: 'all', or numbers "
        + "and names with commas between.", valueName: "which"))
  var adaptiveBatchnorm: AdaptiveSelection?

  @Option(
    help:
      "Bits of an adaptive scale's mantissa, from 2 to 31; fewer round the network (default: 31).")
  var adaptiveScaleBits: Int?

  @Option(
    help: ArgumentHelp(
      "The output in another form too: nvdla, its feature data of 32-byte atoms.",
      valueName: "form"))
  var pack: PackedOutput.Format?

  @Flag(help: "Scale calibration images to the network's input size.")
  var resize = false

  @Flag(help: "Replace the folder if it exists.")
  var force = false

  func validate() throws {
    if let clock, !(clock >= 1e-3 && clock <= 1e6) {
      throw ValidationError("--clock takes nanoseconds from 0.001")
    }
    if clock != nil, pipelineLevels != nil {
      throw ValidationError("--clock finds the number of --pipeline-levels: give one of them")
    }
    if (clock == nil) != (technology == nil) {
      throw ValidationError("--clock and --technology go together")
    }
    if let pipelineLevels, !(1...64).contains(pipelineLevels) {
      throw ValidationError("--pipeline-levels takes a number from 1 to 64")
    }
    if fanOutLimit < 2 { throw ValidationError("--fan-out-limit takes a number from 2") }
    if !(0...3).contains(effort) { throw ValidationError("--effort takes a number from 0 to 3") }
    if let maxDepth, maxDepth < 0 { throw ValidationError("--max-depth takes a number from 0") }
    if let adaptiveScaleBits, !(2...31).contains(adaptiveScaleBits) {
      throw ValidationError("--adaptive-scale-bits takes a number from 2 to 31")
    }
    if adaptiveScaleBits != nil, adaptiveBatchnorm == nil {
      throw ValidationError("--adaptive-scale-bits goes with --adaptive-batchnorm")
    }
    if !(1...63).contains(sidebandBits) {
      throw ValidationError("--sideband-bits takes a number from 1 to 63")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      try FolderWriter.check(folder, force: force)
      let loaded = try model.loadForHardware(resize: resize)
      var levels = pipelineLevels ?? 2
      if let clock, let technology {
        levels = try Technology.named(technology).pipelineLevels(period: clock)
      }
      let options = FreezeOptions(
        fixedLayers: fixedLayers.count, pipelineLevels: levels, fanOutLimit: fanOutLimit,
        sidebandBits: sidebandBits, effort: effort, objective: objective, maxDepth: maxDepth,
        adderStyle: adderStyle, fullyConnected: fullyConnected)
      let design: Design
      var graph = loaded.graph
      do throws(Diagnostics) {
        if let adaptiveBatchnorm {
          graph = try adaptiveBatchnorm.apply(
            to: graph, fixedLayers: fixedLayers.count, scaleBits: adaptiveScaleBits ?? 31)
        }
        let progress = Progress()
        defer { progress.end() }
        design = try Freeze.design(graph, options: options) {
          progress.step(of: $0, "layer")
        }
      } catch {
        throw error.inFile(model.model)
      }
      if fixedLayers.count == nil, var end = design.end {
        end.severity = .note
        printToStandardError(
          Diagnostics(end).inFile(model.model).description + "; the layers before it are fixed")
      }
      let network = NetworkFile(
        graph: graph,
        origin: .init(
          file: model.model.lastPathComponent, sha256: sha256Hex(loaded.file.bytes),
          until: loaded.file.until))
      var files = design.emittedFiles(network: network, clockPeriod: clock, packing: pack)
      if let rest = try BackEnd.onnx(graph, after: ValueID(design.taps.last!.value)) {
        files.append(EmittedFile("backend/\(design.name).onnx", rest))
        if !model.end.until.isEmpty {
          printToStandardError(
            Diagnostic(
              "backend/ ends at --until; what follows in the model is not in it", severity: .note
            ).description)
        }
      }
      try FolderWriter.write(files, to: folder, force: force)
      let summary = Summary(design, folder: folder, files: files)
      noteRate(design)
      if output.json { printJSON(summary) } else { print(summary.text) }
    }
  }

  /// Says when the packed output makes the design wait, by the cycle model: a sink that takes a pixel in one
  /// cycle of as many as the pixel has surfaces is never faster than the packer.
  private func noteRate(_ design: Design) {
    let surfaces =
      (design.output.channels.count + FeatureCube.atom - 1) / FeatureCube.atom
    guard pack != nil, surfaces > 1 else { return }
    func period(_ ready: [Bool]) -> Int {
      var stimulus = StreamStimulus.frames(
        3, height: design.input.height, width: design.input.width, user: { _ in 0 })
      stimulus.ready = ready
      let begins = CycleModel(design.timing).run(stimulus).outputs.filter(\.first).map(\.cycle)
      return begins[2] - begins[1]
    }
    let alone = period([true])
    let packed = period((0..<surfaces).map { $0 == 0 })
    guard packed > alone else { return }
    printToStandardError(
      Diagnostic(
        "a pixel's \(surfaces) atoms take longer than the pixel: packed, a frame takes up to "
          + "\(grouped(packed)) clocks instead of \(grouped(alone))", severity: .note
      ).description)
  }

  /// What was written, in short; `design.json` has it all.
  private struct Summary: Encodable {
    var folder: String
    var design: String
    var layers: Int
    var stages: Int
    var weights: Int
    var adders: Int
    var latency: StreamTiming.Latency
    var verilogBytes: Int
    /// Layers with adaptive batch norm, and their flip-flops in both banks; nil without any.
    var adaptiveLayers: Int?
    var parameterRegisterBits: Int?

    init(_ design: Design, folder: String, files: [EmittedFile]) {
      self.folder = folder
      self.design = design.name
      layers = design.layers.count
      stages = design.stages.count
      weights = design.layers.reduce(0) { $0 + $1.cost.weights }
      adders = design.layers.reduce(0) { $0 + $1.cost.sumAdders + $1.cost.requantizerAdders }
      latency = design.timing.latency()
      verilogBytes = files.filter { $0.path.hasPrefix("rtl/") }.reduce(0) { $0 + $1.bytes.count }
      if design.registerMap != nil {
        adaptiveLayers = design.adaptiveLayers.count
        parameterRegisterBits = design.layers.reduce(0) { $0 + $1.parameterRegisterBits }
      }
    }

    var text: String {
      var text = frozen
      if let adaptiveLayers, let parameterRegisterBits {
        text +=
          "\n\(counted(adaptiveLayers, "layer")) with adaptive batch norm, "
          + "\(counted(parameterRegisterBits, "register bit"))"
      }
      return text
    }

    private var frozen: String {
      """
      \(folder): \(design), \(counted(layers, "layer")) in \(counted(stages, "stage"))
      \(counted(weights, "weight")), \(counted(adders, "adder")), \(grouped(verilogBytes)) bytes of Verilog
      first output after \(grouped(latency.firstOutput)) cycles, last after \
      \(grouped(latency.lastOutput)), a frame every \(grouped(latency.period))
      """
    }
  }
}

/// The argument of `--fixed-layers`.
struct FixedLayers: ExpressibleByArgument {
  /// Convolutions; nil for all.
  var count: Int?

  init?(argument: String) {
    if argument == "all" { return }
    guard let count = Int(argument), count > 0 else { return nil }
    self.count = count
  }
}

extension PackedOutput.Format: ExpressibleByArgument {}

extension AdaptiveSelection: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
