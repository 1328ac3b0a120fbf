import NeuralGraph

// Windows and fused activations, which convolutions and pools share; the pools themselves.

extension TFLiteLowering {
  /// The first operand, which must be [1, H, W, C].
  func imageOperand(_ entry: TFLiteModel.Operator) throws(Failure) -> QuantizedType {
    let type = try operand(0, of: entry)
    guard type.shape.isImage else {
      throw failure(
        "\(entry.kind) works on the shape \(type.shape); 1xHxWxC is needed", entry,
        remedy: "export the network with batch size 1")
    }
    return type
  }

  /// The window of an operator whose options hold the padding in field 0 and strides and dilations
  /// (vertical, horizontal) in the given fields.
  func geometry(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, kernel: (Int, Int),
    strides: (Int, Int), dilations: (Int, Int)?, _ options: FlatTable
  ) throws(Failure) -> WindowGeometry {
    func length(_ field: Int, missing: Int32) throws(Failure) -> Int {
      Int(try read { () throws(Diagnostic) in try options.number(field, default: missing) })
    }
    let strides = (try length(strides.0, missing: 0), try length(strides.1, missing: 0))
    var dilation = (1, 1)
    if let dilations {
      dilation = (try length(dilations.0, missing: 1), try length(dilations.1, missing: 1))
    }
    let lengths = [kernel.0, kernel.1, strides.0, strides.1, dilation.0, dilation.1]
    guard lengths.allSatisfy({ (1...NetworkLimits.windowLength).contains($0) }) else {
      throw failure(
        "\(entry.kind) has the kernel \(kernel.0)x\(kernel.1), strides \(strides.0)x\(strides.1) "
          + "and dilation \(dilation.0)x\(dilation.1); each is 1 to \(NetworkLimits.windowLength)",
        entry)
    }
    let padding = try read { () throws(Diagnostic) in try options.number(0, default: Int8(0)) }
    guard padding == 0 || padding == 1 else {
      throw failure("\(entry.kind) has the unknown padding \(padding)", entry)
    }
    guard
      let geometry = WindowGeometry(
        inputHeight: input.shape.height, inputWidth: input.shape.width, kernelHeight: kernel.0,
        kernelWidth: kernel.1, strideY: strides.0, strideX: strides.1, dilationY: dilation.0,
        dilationX: dilation.1, padding: padding == 0 ? .same : .valid)
    else {
      throw failure(
        "\(entry.kind) with VALID padding has a window larger than its input \(input.shape)", entry)
    }
    return geometry
  }

  /// The range that a fused activation lets through.
  func clamp(
    _ entry: TFLiteModel.Operator, _ type: QuantizedType, field: Int, _ options: FlatTable
  ) throws(Failure) -> ClosedRange<Int> {
    let code = try read { () throws(Diagnostic) in try options.number(field, default: Int8(0)) }
    let activation: FusedActivation
    switch code {
    case 0: activation = .none
    case 1: activation = .relu
    case 2: activation = .reluN1To1
    case 3: activation = .relu6
    default:
      let names = [4: "TANH", 5: "SIGN_BIT"]
      throw failure(
        "\(entry.kind) has the fused activation \(names[Int(code)] ?? "\(code)"); NONE, RELU, "
          + "RELU6 and RELU_N1_TO_1 are supported", entry)
    }
    return activation.clamp(
      element: type.element,
      parameters: QuantizationParameters(scale: type.scale, zeroPoint: type.zeroPoint))
  }

  mutating func pool(_ entry: TFLiteModel.Operator, average: Bool) throws(Failure) -> Lowered {
    let input = try imageOperand(entry)
    let options = try options(entry)
    let width = try read { () throws(Diagnostic) in try options.number(3, default: Int32(0)) }
    let height = try read { () throws(Diagnostic) in try options.number(4, default: Int32(0)) }
    let geometry = try geometry(
      entry, input, kernel: (Int(height), Int(width)), strides: (2, 1), dilations: nil, options)
    let type = try result(
      of: entry,
      shape: [1, geometry.outputHeight, geometry.outputWidth, input.shape.channels])
    try requireSameQuantization(entry, input, type)
    let pool = QuantizedPool(
      geometry: geometry, clamp: try clamp(entry, type, field: 5, options))
    return Lowered(
      operation: average ? .averagePool(pool) : .maxPool(pool), operands: [entry.inputs[0]],
      type: type)
  }

  /// Operators that pass codes on need one quantization on both sides.
  func requireSameQuantization(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, _ output: QuantizedType
  ) throws(Failure) {
    guard input.element == output.element, input.zeroPoint == output.zeroPoint,
      abs(input.scale - output.scale) <= 1e-6
    else {
      throw failure(
        "\(entry.kind) passes codes on between two quantizations (scale \(input.scale) zero "
          + "\(input.zeroPoint), scale \(output.scale) zero \(output.zeroPoint))", entry)
    }
  }
}
