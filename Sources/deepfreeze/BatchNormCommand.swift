import ArgumentParser
import Foundation
import NeuralGraph
import RTL
import Simulation

/// `deepfreeze batchnorm`: parameter files of adaptive batch norm.
struct BatchNormCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batchnorm",
    abstract:
      "Writes, checks and converts the parameters of an emitted design's adaptive batch norm.",
    discussion: """
      Without --input the trained values are written; with it those of a parameter file, as the integers
      that the registers hold. A parameter file has for each layer 'bias', 'multiplier' and 'exponent', or
      'scale' and 'offset' in real numbers: clamp(scale * convolution + offset).
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @Option(help: "A parameter file, integers or real numbers.")
  var input: String?

  @Option(help: "The file to write; standard output unless given.")
  var output: String?

  @Flag(help: "The trained values as real numbers: scale 1 and the bias as offset.")
  var real = false

  @Flag(help: "Writes on the AXI4-Lite port instead, a line each: address and data in hexadecimal.")
  var writes = false

  func validate() throws {
    if real, input != nil || writes {
      throw ValidationError("--real is for the trained values alone")
    }
  }

  func run() throws {
    do {
      let emitted = try EmittedFolder(path: folder)
      var parameters = BatchNormParameters(
        trained: emitted.design, emitted.network.graph, isReal: real)
      let values = try emitted.batchNormValues(input.map { [$0] } ?? [])
      guard let map = emitted.design.registerMap else {
        throw Diagnostics(
          Diagnostic(
            "the design has no adaptive batch norm", file: folder,
            remedy: "emit it with --adaptive-batchnorm"))
      }
      if let values = values.first { parameters = BatchNormParameters(values, map) }
      var text = parameters.encode()
      if writes {
        var script = BatchNormScript()
        script.commit(
          values.first ?? BatchNormValues(trained: map, emitted.network.graph), map)
        text = Array(
          script.writes.map { String(format: "%08x %08x\n", $0.address, $0.data) }.joined().utf8)
      }
      if let output {
        do {
          try Data(text).write(to: URL(filePath: output))
        } catch {
          throw Diagnostics(
            Diagnostic("the file cannot be written: \(systemReason(error))", file: output))
        }
      } else {
        FileHandle.standardOutput.write(Data(text))
      }
    } catch let error as Diagnostics {
      printToStandardError(error.description)
      throw ExitCode.unusableInput
    }
  }
}

extension EmittedFolder {
  /// The values of parameter files, checked.
  func batchNormValues(_ files: [String]) throws(Diagnostics) -> [BatchNormValues] {
    var sets: [BatchNormValues] = []
    for file in files {
      let parameters = try BatchNormParameters(json: readFile(file), file: file)
      sets.append(try parameters.values(design, network.graph, file: file))
    }
    return sets
  }
}
