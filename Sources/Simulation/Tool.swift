import Foundation
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
  package init(path: String, name: String) {
    executable = .path(.init(path))
    self.name = name
    missing = Diagnostic("\(name) is not at \(path)")
  }

  /// Most bytes of output that are read.
  private static let outputLimit = 1 << 24

  /// Runs the program in `folder` and waits for its end. Throws when it is not installed, and when
  /// it takes longer than `timeout`; the process is ended then. A failing program is not an error.
  /// `environment` is added to this process' own.
  ///
  /// The time is that of the process: coreutils' timeout keeps it, since a timer of this process'
  /// own also counts how long its threads are too busy to notice the end.
  package func run(
    _ arguments: [String], in folder: String, timeout: Duration,
    environment: [String: String] = [:]
  ) async throws(Diagnostics) -> Outcome {
    do {
      let path = try await executable.resolveExecutablePath(in: .inherit)
      guard access(path.string, X_OK) == 0 else { throw Diagnostics(missing) }
      let timer: Executable
      do {
        timer = .path(try await Executable.name("timeout").resolveExecutablePath(in: .inherit))
      } catch {
        throw Diagnostics(
          Diagnostic(
            "the program timeout is not installed", remedy: "on Debian: apt-get install coreutils"))
      }
      let seconds = timeout.components.seconds + (timeout.components.attoseconds > 0 ? 1 : 0)
      let start = ContinuousClock.now
      let outcome = try await launch(
        timer,
        ["--foreground", "--kill-after=2", "\(seconds)", path.string] + arguments,
        in: folder, environment)
      // 124 and, had it to be killed, 137 are timeout's own, but could be the program's too.
      if [.exited(124), .exited(137)].contains(outcome.terminationStatus),
        ContinuousClock.now - start >= .seconds(seconds)
      {
        throw Diagnostics(Diagnostic("\(name) did not end within \(seconds) seconds"))
      }
      return Outcome(
        succeeded: outcome.terminationStatus.isSuccess, output: outcome.standardOutput)
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

  /// Runs coreutils' timeout.
  private func launch(
    _ timer: Executable, _ arguments: [String], in folder: String, _ environment: [String: String]
  ) async throws -> ExecutionResult<Void, StringOutput<UTF8>, CombinedErrorOutput> {
    var options = PlatformOptions()
    options.teardownSequence = [
      .send(signal: .terminate, allowedDurationToNextStep: .seconds(2))
    ]
    return try await Subprocess.run(
      timer, arguments: Arguments(arguments),
      environment: .inherit.updating(
        Dictionary(
          uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
      workingDirectory: .init(folder),
      platformOptions: options, output: .string(limit: Self.outputLimit),
      error: .combinedWithOutput)
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
