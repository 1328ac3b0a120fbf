import ArgumentParser
import NeuralGraph
import Simulation

/// `deepfreeze fuzz`: random networks through interpreter, datapaths and both simulators.
struct FuzzCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz",
    abstract: "Runs random networks through everything and compares (for developers).",
    shouldDisplay: false)

  @OptionGroup var output: OutputOptions

  @Option(help: "How many random networks.")
  var seeds: Int = 30

  @Option(help: "The first seed.")
  var first: UInt64 = 1

  @Option(help: "Run every Nth network in Verilator too; 0 for none. Icarus runs them all.")
  var verilatorEvery: Int = 1

  @Option(help: "How their requantizers round: tflite or onnx.")
  var arithmetic: FuzzArithmetic = .tflite

  @Option(
    help:
      "What they are made of: chain (one layer behind the other), branches, or mixed (branches, tables of codes, differences of maps, fully connected layers on maps, pads before max pools)."
  )
  var shape: FuzzShape = .chain

  @Option(help: "Networks at a time.")
  var jobs: Int = 2

  @Option(help: "The folder for a file of every network that fails.")
  var crashers: String?

  func validate() throws {
    if seeds < 1 || jobs < 1 || verilatorEvery < 0 {
      throw ValidationError("--seeds and --jobs take numbers above zero")
    }
  }

  func run() async throws {
    var failures: [Failure] = []
    try await reportingDiagnostics(output) {
      await withTaskGroup(of: Failure.self) { group in
        var next = 0
        func start() {
          guard next < seeds else { return }
          let seed = first &+ UInt64(next)
          next += 1
          group.addTask { await self.run(seed: seed) }
        }
        for _ in 0..<jobs { start() }
        var done = 0
        for await failure in group {
          done += 1
          if !failure.problems.isEmpty {
            failures.append(failure)
            printToStandardError(failure.text)
          }
          if done.isMultiple(of: 50) { printToStandardError("\(done) of \(seeds) networks") }
          start()
        }
      }
      failures.sort { $0.seed < $1.seed }
      if output.json {
        printJSON(Summary(networks: seeds, failures: failures))
      } else {
        print(
          "\(seeds) random networks (\(arithmetic.rawValue), \(shape.rawValue)) from seed \(first): "
            + "\(failures.count) failed"
        )
      }
    }
    if !failures.isEmpty { throw ExitCode.checkFailed }
  }

  private func run(seed: UInt64) async -> Failure {
    let network = FuzzCase(seed: seed, arithmetic: arithmetic, shape: shape)
    let runsVerilator =
      verilatorEvery > 0 && (seed &- first).isMultiple(of: UInt64(verilatorEvery))
    let problems = await network.run(
      simulators: runsVerilator ? [.icarus, .verilator] : [.icarus])
    if let crashers, let problem = problems.first {
      do throws(Diagnostics) {
        try writeFile(
          network.crasher(problem: problem),
          to: "\(crashers)/\(arithmetic.rawValue)-\(shape.rawValue)-\(seed).json")
      } catch {
        return Failure(seed: seed, problems: problems + error.all.map(\.description))
      }
    }
    return Failure(seed: seed, problems: problems)
  }

  private struct Failure: Encodable {
    var seed: UInt64
    var problems: [String]

    var text: String {
      "seed \(seed):\n" + problems.prefix(6).map { "  \($0)" }.joined(separator: "\n")
    }
  }

  private struct Summary: Encodable {
    var networks: Int
    var failures: [Failure]
  }
}

extension FuzzArithmetic: ExpressibleByArgument {}
extension FuzzShape: ExpressibleByArgument {}
