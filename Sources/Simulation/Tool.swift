import NeuralGraph
import Subprocess

/// A program to run: one of the system's tools, or a simulation that was compiled.
package struct Program: Sendable {
  /// What a run of a program left.
  package struct Outcome: Hashable, Sendable {
    package var succeeded: Bool
    /// Standard output and standard error together.
    package var output: String

    /// The end of the output, for a diagnostic.
    package var lastLines: String {
      output.split(separator: "\n").suffix(12).joined(separator: "\n")
    }
  }

  private let executable: Executable
  private let name: String
  /// Thrown when there is no such program.
  private let missing: Diagnostic

  package init(_ tool: Tool) {
    executable = .name(tool.rawValue)
    name = tool.rawValue
    missing = tool.missing
  }

  /// The program at `path`; `name` says what it is in diagnostics.
  init(path: String, name: String) {
    executable = .path(.init(path))
    self.name = name
    missing = Diagnostic("\(name) is not at \(path)")
  }

  /// Most bytes of output that are read.
  private static let outputLimit = 1 << 24

  /// Runs the program in `folder` and waits for its end. Throws when it is not installed, and when
  /// it takes longer than `timeout`; the process is ended then. A failing program is not an error.
  /// `environment` is added to this process' own.
  package func run(
    _ arguments: [String], in folder: String, timeout: Duration,
    environment: [String: String] = [:]
  ) async throws(Diagnostics) -> Outcome {
    do {
      return try await withThrowingTaskGroup(of: Outcome?.self) { group in
        group.addTask { try await launch(arguments, in: folder, environment) }
        group.addTask {
          try await Task.sleep(for: timeout)
          return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let outcome = first else {
          throw Diagnostics(
            Diagnostic("\(name) did not end within \(timeout.components.seconds) seconds"))
        }
        return outcome
      }
    } catch let error as Diagnostics {
      throw error
    } catch let error as SubprocessError where error.code == .executableNotFound {
      throw Diagnostics(missing)
    } catch {
      throw Diagnostics(Diagnostic("\(name) could not be run: \(error)"))
    }
  }

  /// As `run`; a failing program is a diagnostic too, with the last lines that it wrote.
  @discardableResult
  package func require(
    _ arguments: [String], in folder: String, timeout: Duration
  ) async throws(Diagnostics) -> Outcome {
    let outcome = try await run(arguments, in: folder, timeout: timeout)
    guard outcome.succeeded else {
      throw Diagnostics(Diagnostic("\(name) failed:\n\(outcome.lastLines)"))
    }
    return outcome
  }

  private func launch(
    _ arguments: [String], in folder: String, _ environment: [String: String]
  ) async throws -> Outcome {
    var options = PlatformOptions()
    options.teardownSequence = [
      .send(signal: .terminate, allowedDurationToNextStep: .seconds(2))
    ]
    let result = try await Subprocess.run(
      executable, arguments: Arguments(arguments),
      environment: .inherit.updating(
        Dictionary(
          uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
      workingDirectory: .init(folder),
      platformOptions: options, output: .string(limit: Self.outputLimit),
      error: .combinedWithOutput)
    return Outcome(
      succeeded: result.terminationStatus.isSuccess, output: result.standardOutput)
  }
}

/// The system's programs that deepfreeze runs.
public enum Tool: String, Hashable, Sendable, CaseIterable {
  case verilator, make, iverilog, vvp, yosys, sta, gnuplot
  case compiler = "g++"

  /// The Debian package that has it.
  public var package: String {
    switch self {
    case .vvp: "iverilog"
    case .sta: "opensta"
    case .gnuplot: "gnuplot-nox"
    default: rawValue
    }
  }

  /// The diagnostic for a program that is not there.
  public var missing: Diagnostic {
    Diagnostic(
      "the program \(rawValue) is not installed",
      remedy: "on Debian: apt-get install \(package)")
  }
}
