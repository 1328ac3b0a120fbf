import NeuralGraph

/// Reads an ONNX model: one of real numbers into a float `Graph`, one with QuantizeLinear and
/// DequantizeLinear (or QLinear operators) into a `QuantizedGraph` by ONNX's rules. Images become
/// NHWC.
///
/// An open batch is taken as 1. `imageSize` is the height and width of inputs whose file leaves
/// them open; it does not change a stated size. Everything wrong with the file is thrown at once,
/// as `Diagnostics`. The network ends at `until`, tensors or nodes by name or number, unless that is
/// empty. `note` is given what the user should know: a Softmax that is left out.
public func importONNX(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = [],
  note: (Diagnostic) -> Void = { _ in }
) throws(Diagnostics) -> ImportedModel {
  let importer = try imported(bytes, name: name, imageSize: imageSize, until: until)
  guard importer.problems.isEmpty else { throw Diagnostics(importer.problems) }
  guard importer.isQuantized else {
    for text in importer.notes { note(text) }
    return .float(importer.graph)
  }
  var lowering = ONNXIntegerLowering(importer)
  let network = try lowering.run()
  for text in importer.notes + lowering.notes { note(text) }
  return .quantized(network)
}

/// Lists the operators of an ONNX model that are computed for each image, and says which are not
/// supported and why. Throws only when the file's structure cannot be read.
public func listONNX(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = []
) throws(Diagnostics) -> ModelListing {
  let importer = try imported(bytes, name: name, imageSize: imageSize, until: until)
  var inputs = importer.graph.inputs.map { "float32 \(importer.graph[$0].shape)" }
  var problems = importer.problems
  if importer.isQuantized, problems.isEmpty {
    var lowering = ONNXIntegerLowering(importer)
    do throws(Diagnostics) {
      let type = try lowering.run().nodes[0].type
      inputs = ["\(type.element.rawValue) \(type.shape)"]
    } catch {
      problems = error.all
    }
  }
  return ModelListing(
    format: ModelFile.Format.onnx.rawValue, name: name,
    input: inputs.isEmpty ? "none" : inputs.joined(separator: ", "), entries: importer.entries,
    diagnostics: problems)
}

private func imported(
  _ bytes: [UInt8], name: String, imageSize: ImageSize?, until: [String]
) throws(Diagnostics) -> ONNXImporter {
  var file: ONNXFile
  do throws(Diagnostic) {
    file = try ONNXFile(bytes)
  } catch {
    throw Diagnostics(error)
  }
  if !until.isEmpty { try file.end(at: until) }
  let order = try ONNXOrder(file)
  var importer = ONNXImporter(file: file, order: order, name: name, imageSize: imageSize)
  importer.run()
  return importer
}

/// Translates node by node, in topological order, into a `Graph`. What depends on constants alone
/// is computed here.
struct ONNXImporter {
  let file: ONNXFile
  let order: ONNXOrder
  let imageSize: ImageSize?
  var graph: Graph
  /// By name.
  var values: [String: ONNXValue] = [:]
  var problems: [Diagnostic]
  /// Nodes by operator that is not supported.
  var unsupported: [String: [String]] = [:]
  /// The operators that are computed for each image.
  var entries: [ModelListing.Entry] = []
  /// Elements that arithmetic on constants may compute, and copies of weights have, in all: a small
  /// file can read the same weights any number of times.
  var budget: Int
  /// The grids of the nodes that hold quantized tensors.
  var grids: [NodeID: ONNXGrid] = [:]
  /// How constants that DequantizeLinear made were quantized, by name.
  var constantScales: [String: ONNXScales] = [:]
  /// How the constants of layers were quantized.
  var layerScales: [NodeID: ONNXLayerScales] = [:]
  /// The grids of constants that QLinearAdd and QLinearMul read.
  var constantGrids: [NodeID: ONNXGrid] = [:]
  /// What the user should know: operators that are left out.
  var notes: [Diagnostic] = []
  /// Inputs of 8-bit integers.
  var byteInputs: [NodeID: QuantizedElement] = [:]

  /// True when an activation is quantized.
  var isQuantized: Bool { !grids.isEmpty }

  init(file: ONNXFile, order: ONNXOrder, name: String, imageSize: ImageSize?) {
    self.file = file
    self.order = order
    self.imageSize = imageSize
    graph = Graph(name: name)
    problems = order.problems
    budget = 1 << 24
    for case .success(let tensor) in file.initializers.values {
      budget += 4 * tensor.shape.elementCount
    }
  }

  /// Fills `graph`, `entries` and `problems`.
  mutating func run() {
    let read = Set(order.live.flatMap { file.nodes[$0].inputs })
    for input in file.inputs where read.contains(input.name) {
      do throws(Diagnostic) {
        values[input.name] = .tensor(try append(input))
      } catch {
        problems.append(error)
        values[input.name] = .missing
      }
    }
    for position in order.live {
      let node = file.nodes[position]
      var reason: String?
      var result = ONNXValue.missing
      do throws(Diagnostic) {
        result = try value(of: node)
      } catch {
        problems.append(error)
        reason = error.message
      }
      if let name = node.outputs.first { values[name] = result }
      if order.dependsOnInput[position] { list(position, result, reason) }
    }
    appendOutputs()
    reportUnsupported()
    if problems.isEmpty {
      if graph.inputs.count > 1 {
        let names = graph.inputs.map { "'\(graph[$0].name)'" }.joined(separator: ", ")
        problems.append(
          Diagnostic(
            "the network has \(graph.inputs.count) inputs: \(names)",
            remedy: "only networks with one image input are supported"))
      }
      problems += graph.verify()
    }
  }

  /// The outputs: an image stays NHWC, everything else gets ONNX's order.
  private mutating func appendOutputs() {
    for output in file.outputs {
      var tensors: [ONNXActivation] = []
      switch values[output.name] ?? leftOutWithFirst(output.name) {
      case .tensor(let found)?, .quantized(let found, _)?: tensors = [found]
      case .leftOut(let found)?: tensors = found
      case .accumulator?:
        problems.append(
          Diagnostic(
            "the output is sums in 32 bits, not quantized", node: output.name,
            remedy: "put Cast, Mul with the scale and QuantizeLinear behind it"))
        continue
      default:
        if case .constant? = values[output.name] {
          problems.append(
            Diagnostic("the output does not depend on the input", node: output.name))
        } else if problems.isEmpty, values[output.name] == nil {
          problems.append(
            Diagnostic(
              "no operator gives the output, or as a further result (indices, a mask) only",
              node: output.name, remedy: "export the model without it"))
        }
        continue
      }
      do throws(Diagnostic) {
        for tensor in tensors {
          let isImage = tensor.shape.rank == 4 && tensor.layout.permutation == [0, 3, 1, 2]
          let id =
            isImage ? try image(tensor, output.name) : try plain(tensor, output.name)
          if !graph.outputs.contains(id) { graph.outputs.append(id) }
        }
      } catch {
        problems.append(error)
      }
    }
  }

  /// The value of a node's further result (indices) whose first is left out: they are left out together.
  private func leftOutWithFirst(_ name: String) -> ONNXValue? {
    guard case .node(let producer, _)? = order.sources[name],
      let first = file.nodes[producer].outputs.first, case .leftOut? = values[first]
    else { return nil }
    return values[first]
  }

  /// What an operator on the network's result reads, or one behind it; nil for any other operator.
  private mutating func leftOut(_ node: ONNXNode) throws(Diagnostic) -> ONNXValue? {
    var tensors: [ONNXActivation] = []
    var isBehind = false
    for name in node.inputs {
      switch values[name] ?? leftOutWithFirst(name) {
      case .leftOut(let found)?:
        isBehind = true
        tensors += found
      case .tensor(let found)?, .quantized(let found, _)?: tensors.append(found)
      default: break
      }
    }
    let isFirst = ONNXOperator.postprocessing.contains(node.operation)
    guard isFirst || isBehind, !tensors.isEmpty, tensors.count <= 64 else { return nil }
    guard !file.endsAtNames else {
      throw node.problem(
        "\(node.operation) works on a network's result: the network cannot end there",
        remedy: "end it at what this reads")
    }
    if isFirst {
      notes.append(
        Diagnostic(
          "\(node.operation) works on the network's result and is left out; what it reads are outputs",
          severity: .note, node: node.label))
    }
    return .leftOut(tensors)
  }

  /// One diagnostic an operator, with the nodes that it stands at.
  private mutating func reportUnsupported() {
    for (operation, nodes) in unsupported.sorted(by: { $0.key < $1.key }) {
      var message = "operator '\(operation)' is not supported"
      if nodes.count > 1 {
        let others = nodes.dropFirst().prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        message += "; it also stands at \(others)"
        if nodes.count > 4 { message += " and \(nodes.count - 4) more" }
      }
      problems.append(
        Diagnostic(
          message, node: nodes[0],
          remedy: ONNXOperator.remedy(operation)
            ?? "supported are \(ONNXOperator.supportedNames); \(endBeforeRemedy)"))
    }
  }

  private mutating func value(of node: ONNXNode) throws(Diagnostic) -> ONNXValue {
    if let result = try leftOut(node) { return result }
    guard let operation = ONNXOperator(rawValue: node.operation) else {
      unsupported[node.operation, default: []].append(node.label)
      return .missing
    }
    guard var operands = try operands(of: node) else { return .missing }
    while case .absent? = operands.last { operands.removeLast() }
    guard operation.operandCounts.contains(operands.count) else {
      throw node.problem("it has \(operands.count) operands")
    }
    return try translate(operation, ONNXCall(node: node, operands: operands, opset: file.opset))
  }

  /// The values of a node's operands, or nil when one is missing.
  private func operands(of node: ONNXNode) throws(Diagnostic) -> [ONNXValue]? {
    var operands: [ONNXValue] = []
    for name in node.inputs {
      switch order.sources[name] {
      case _ where name.isEmpty: operands.append(.absent)
      case nil: return nil
      case .initializer?:
        guard let result = file.initializers[name] else { return nil }
        switch result {
        case .success(let tensor): operands.append(.constant(tensor))
        case .failure(let error):
          throw node.problem(
            "operand '\(name)': \(error.message)",
            remedy: "export the model as one file, with weights of a usual type")
        }
      case .node(let producer, let output)? where output > 0:
        // An operator that is refused already says so itself.
        if let first = file.nodes[producer].outputs.first, case .missing? = values[first] {
          return nil
        }
        throw node.problem(
          "it reads result \(output) of '\(file.nodes[producer].label)' "
            + "(\(file.nodes[producer].operation)); only the first result of an operator is supported"
        )
      case .node?, .input?:
        guard let value = values[name] else { return nil }
        if case .missing = value { return nil }
        operands.append(value)
      }
    }
    return operands
  }
}
