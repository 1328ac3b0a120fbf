import NeuralGraph

// The network's input and outputs, and the float tensors that a quantized network may have there.

extension TFLiteLowering {
  /// Makes the graph's input node. A float input that only feeds one QUANTIZE is common: then the
  /// quantized tensor is the network's input.
  mutating func defineInput() {
    guard model.inputs.count == 1 else {
      diagnostics.append(
        Diagnostic(
          "the network has \(model.inputs.count) inputs; networks with one can be read",
          remedy: "export the image network alone"))
      for input in model.inputs { activations[input] = declaredActivation(input) }
      return
    }
    var input = model.inputs[0]
    if model.tensors[input].type == .float32,
      let quantize = model.operators.first(where: { $0.inputs.contains(input) }),
      quantize.kind == "QUANTIZE", quantize.outputs.count == 1,
      model.operators.count(where: { $0.inputs.contains(input) }) == 1
    {
      input = quantize.outputs[0]
    }
    do throws(Failure) {
      let type = try inputType(input)
      activations[input] = .valid(type)
      values[input] = graph.append(
        QuantizedNode(
          name: model.tensors[input].name, operation: .input, operands: [], type: type))
    } catch {
      if case .found(let diagnostic) = error { diagnostics.append(diagnostic) }
      activations[input] = .unusable
    }
  }

  /// The input's type: its extents must be known, and it must hold one image.
  private mutating func inputType(_ input: Int) throws(Failure) -> QuantizedType {
    let tensor = model.tensors[input]
    let declared = tensor.signature ?? tensor.shape ?? []
    // An unknown batch is harmless: one image is computed at a time.
    let unknown = declared.indices.first { declared[$0] < 0 && ($0 > 0 || declared.count < 2) }
    guard let shape = tensor.shape, unknown == nil else {
      throw failure(
        "the network's input has the dynamic shape \(declared)", tensor,
        remedy: "export it with a fixed input size")
    }
    guard shape.count < 2 || shape[0] == 1 else {
      throw failure(
        "the network's input has the batch size \(shape[0])", tensor,
        remedy: "export it with batch size 1")
    }
    return try quantizedType(input, shape: shape)
  }

  /// QUANTIZE from the float input and DEQUANTIZE to a float output compute nothing here: the
  /// integers are the network's input and output. So are they where real numbers behind DEQUANTIZE
  /// only pass SOFTMAX, LOGISTIC (which change no order of classes, and are left out with a note)
  /// or change their shape. Returns false for any other operator.
  mutating func bypassFloat(
    _ entry: TFLiteModel.Operator, _ index: Int
  ) throws(Failure) -> Bool {
    guard let input = entry.inputs.first, input >= 0 else { return false }
    let output = entry.outputs[0]
    if realTail.contains(input) {
      if entry.kind == "SOFTMAX" || entry.kind == "LOGISTIC" {
        try checkEnd(entry)
        notes.append(
          Diagnostic(
            "\(entry.kind) of real numbers behind the quantized network is left out; it changes no "
              + "order of classes", severity: .note, node: model.tensors[output].name))
      }
    } else {
      guard entry.kind == "DEQUANTIZE", entry.inputs.count == 1,
        let tail = tail(from: output, behind: index)
      else { return false }
      realTail.formUnion(tail)
    }
    activations[output] = .valid(try activation(input, of: entry))
    values[output] = values[input]
    return true
  }

  /// Operators on a network's result: detections, classes, and what is computed from those. They are
  /// left out with a note, and what they read are outputs. Returns false for any other operator.
  mutating func leaveOut(_ entry: TFLiteModel.Operator) throws(Failure) -> Bool {
    let isFirst = entry.isPostprocessing
    guard isFirst || entry.inputs.contains(where: leftOut.contains) else { return false }
    try checkEnd(entry)
    leftOut.formUnion(entry.outputs)
    for input in entry.inputs where !leftOut.contains(input) {
      if let value = values[input], !readByLeftOut.contains(value) { readByLeftOut.append(value) }
    }
    if isFirst {
      notes.append(
        Diagnostic(
          "\(entry.kind) works on the network's result and is left out; what it reads are outputs",
          severity: .note, node: entry.outputs.first.map { model.tensors[$0].name }))
    }
    return true
  }

  /// What a user names as the network's end is computed, or refused.
  private func checkEnd(_ entry: TFLiteModel.Operator) throws(Failure) {
    guard model.endsAtNames else { return }
    throw failure(
      "\(entry.kind) works on the network's result and is not computed: the network cannot end there",
      entry, remedy: "end it at what this reads")
  }

  /// The real tensors from one behind DEQUANTIZE to the network's outputs, or nil when an operator
  /// computes with them.
  private func tail(from tensor: Int, behind index: Int) -> Set<Int>? {
    var tensors: Set<Int> = [tensor]
    var ends: Set<Int> = [tensor]
    for entry in model.operators[(index + 1)...]
    where entry.inputs.contains(where: tensors.contains) {
      if entry.isPostprocessing {
        ends.subtract(entry.inputs)
        continue
      }
      guard ["SOFTMAX", "LOGISTIC", "RESHAPE", "SQUEEZE"].contains(entry.kind),
        let input = entry.inputs.first, tensors.contains(input), entry.outputs.count == 1
      else { return nil }
      ends.remove(input)
      ends.insert(entry.outputs[0])
      tensors.insert(entry.outputs[0])
    }
    return ends.isSubset(of: model.outputs) ? tensors : nil
  }

  /// True for the QUANTIZE whose output is the network's input.
  func isInputQuantizer(_ entry: TFLiteModel.Operator) -> Bool {
    entry.kind == "QUANTIZE" && entry.inputs.count == 1 && model.inputs == entry.inputs
      && model.tensors[entry.inputs[0]].type == .float32 && entry.outputs.count == 1
      && activations[entry.outputs[0]] != nil
  }

  /// Takes over the network's outputs.
  mutating func defineOutputs() {
    if model.outputs.isEmpty { diagnostics.append(Diagnostic("the network has no output")) }
    for value in readByLeftOut where !graph.outputs.contains(value) { graph.outputs.append(value) }
    for output in model.outputs where !leftOut.contains(output) {
      if let value = values[output] {
        if !graph.outputs.contains(value) { graph.outputs.append(value) }
      } else if activations[output] == nil {
        let tensor = model.tensors[output]
        diagnostics.append(
          Diagnostic(
            "no operator computes this output of the network", node: tensor.name,
            byteOffset: tensor.position))
      }
    }
  }
}

extension TFLiteModel.Operator {
  /// True for operators that work on a network's result and feed no layer.
  fileprivate var isPostprocessing: Bool {
    isCustom
      ? kind == "TFLite_Detection_PostProcess"
      : ["ARG_MAX", "ARG_MIN", "TOPK_V2", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"]
        .contains(kind)
  }
}
