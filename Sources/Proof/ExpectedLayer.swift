import NeuralGraph
import RTL

/// A layer of the network as the model file has it: what its hardware is to compute.
struct ExpectedLayer: Sendable {
  var node: QuantizedNode
  /// Its input: type, and by channel every code that occurs.
  var inputType: QuantizedType
  var inputCodes: [ClosedRange<Int>]
  /// The values that it reads, each once, in order; reshapes are what they reshape.
  var operands: [ValueID] = []
  /// By output channel every code that occurs.
  var outputCodes: [ClosedRange<Int>]
  /// True for the first layer of a stage.
  var beginsStage: Bool
  /// Of a layer over the whole map that the design takes step by step: its trees begin with the sums.
  var serial: ExpectedSerial?
  /// Of a sum of two maps, whose input is the channels of both.
  var sum: ExpectedSum?
  /// Of a concatenation, whose input is the channels of all operands: the channel that each output is.
  var routes: [Int] = []

  /// The window on its input; nil for one that takes pixel by pixel, or whole maps.
  var window: WindowGeometry? {
    let image = inputType.shape
    switch node.operation {
    case .convolution(let layer) where !layer.geometry.isPointwise: return layer.geometry
    case .maxPool(let pool): return pool.geometry
    case .averagePool(let pool): return accumulates ? nil : pool.geometry
    case .mean: return nil
    case .fullyConnected where pixelCount > 1:
      return .whole(height: image.height, width: image.width)
    default:
      guard beginsStage else { return nil }
      let (height, width) = image.isImage ? (image.height, image.width) : (1, 1)
      return WindowGeometry(
        inputHeight: height, inputWidth: width, kernelHeight: 1, kernelWidth: 1,
        outputHeight: height, outputWidth: width)
    }
  }

  /// True for a layer over the whole map.
  var accumulates: Bool {
    switch node.operation {
    case .mean: true
    case .averagePool(let pool):
      pool.geometry.coversWholeInput && inputType.shape.height * inputType.shape.width > 1
    default: false
    }
  }

  /// Pixels of the input map.
  var pixelCount: Int {
    inputType.shape.isImage ? inputType.shape.height * inputType.shape.width : 1
  }

  var form: LayerFront.Form {
    if serial != nil { return .pointwise }
    if accumulates { return .accumulator(count: pixelCount) }
    return window.map { .window($0) } ?? .pointwise
  }

  /// By what comes in, every number that it can be: the input's codes, or serial sums.
  var frontCodes: [ClosedRange<Int>] { serial?.sums ?? inputCodes }

  /// What a tap is outside the image: the zero point, or what adds nothing to a sum.
  var outside: Int? {
    switch node.operation {
    case .averagePool: 0
    case .maxPool(let pool): pool.padCode
    default: inputType.zeroPoint
    }
  }

  /// "convolution", "depthwise convolution", …
  var kind: String {
    switch node.operation {
    case .convolution(let layer): layer.isDepthwise ? "depthwise convolution" : "convolution"
    case .fullyConnected: "fully connected"
    case .averagePool: "average pool"
    case .maxPool: "max pool"
    case .mean: "mean"
    case .rescale: "requantization"
    case .table(let table): "table \(table.function.rawValue)"
    case .add: "sum of two maps"
    case .concatenation: "concatenation"
    default: "layer"
    }
  }

  /// The weight layer as one matrix over the window; a fully connected layer's is the map.
  private var weightLayer:
    (weight: @Sendable (Int, Int, Int, Int) -> Int, perGroup: Int, outputs: Int)?
  {
    switch node.operation {
    case .convolution(let layer):
      return (
        { layer.weight(output: $0, y: $1, x: $2, inputChannel: $3) },
        layer.inputChannelsPerGroup, layer.outputChannelsPerGroup
      )
    case .fullyConnected(let layer):
      let (width, channels) = (inputType.shape.width, inputCodes.count)
      return (
        { output, row, column, input in
          let place = (row * width + column) * channels + input
          return Int(layer.weights[output * layer.inputSize + place])
        }, channels, layer.outputSize
      )
    default: return nil
    }
  }

  /// What output channel `channel` is to be, over the atoms of `layer`; `live` are the input channels
  /// that the text carries. Throws what cannot be right however the text computes.
  func expectation(of channel: Int, _ layer: SymbolicLayer, live: Set<Int>) throws(Diagnostic)
    -> ChannelExpectation
  {
    switch node.operation {
    case .convolution(let convolution) where serial != nil:
      return requantized(channel, layer, clamp: convolution.clamp) {
        convolution.requantization[channel].apply($0)
      }
    case .fullyConnected(let connected) where serial != nil:
      return requantized(channel, layer, clamp: connected.clamp) {
        connected.requantization[channel].apply($0)
      }
    case .convolution(let convolution):
      return try weighted(
        channel, layer, live, bias: Int(convolution.bias[channel]), clamp: convolution.clamp
      ) { convolution.requantization[channel].apply($0) }
    case .fullyConnected(let connected):
      return try weighted(
        channel, layer, live, bias: Int(connected.bias[channel]), clamp: connected.clamp
      ) { connected.requantization[channel].apply($0) }
    case .maxPool(let pool):
      try requireCells(layer)
      return try maximum(channel, layer, pool)
    case .averagePool(let pool) where !accumulates:
      try requireCells(layer)
      return average(channel, layer, pool)
    case .averagePool(let pool):
      let count = pixelCount
      return scalar(channel, layer) { Self.average($0, count, pool.clamp) }
    case .mean(let mean):
      let offset = pixelCount * inputType.zeroPoint
      return scalar(channel, layer) {
        clamped(node.type.zeroPoint + mean.requantization.apply($0 - offset), mean.clamp)
      }
    case .rescale(let rescale):
      return scalar(channel, layer) {
        clamped(
          node.type.zeroPoint + rescale.requantization.apply($0 - inputType.zeroPoint),
          rescale.clamp)
      }
    case .table(let table):
      var result = scalar(channel, layer) {
        table.code($0, channel: channel, element: inputType.element)
      }
      result.cases[0].isMonotone = false
      return result
    case .add:
      guard let sum else { throw Diagnostic("there is no rule for this layer", node: node.name) }
      return try sum.expectation(
        of: channel, codes: outputCodes[channel], live: live, node: node.name
      ) { inputAtom($0, layer) }
    case .concatenation:
      let atom = inputAtom(routes[channel], layer)
      var result = ChannelExpectation(weights: [atom: 1], codes: outputCodes[channel])
      result.cases = [.init(sums: layer.atoms.interval(atom)) { $0 }]
      return result
    default: throw Diagnostic("there is no rule for this layer", node: node.name)
    }
  }

  private func clamped(_ code: Int, _ clamp: ClosedRange<Int>) -> Int {
    min(max(code, clamp.lowerBound), clamp.upperBound)
  }

  /// TFLite AVERAGE_POOL_2D: nearest, halves away from zero.
  private static func average(_ sum: Int, _ count: Int, _ clamp: ClosedRange<Int>) -> Int {
    let rounded = sum >= 0 ? (sum + count / 2) / count : -((-sum + count / 2) / count)
    return min(max(rounded, clamp.lowerBound), clamp.upperBound)
  }

  /// The atom of an input channel outside a window: a pixel, or the sum over the map.
  private func inputAtom(_ channel: Int, _ layer: SymbolicLayer) -> AtomID {
    let codes = inputCodes[channel]
    switch form {
    case .pointwise: return layer.atoms.intern(.pixel(channel: channel), codes)
    case .window: return layer.atoms.intern(.tap(channel: channel, row: 0, column: 0), codes)
    case .accumulator(let count):
      return layer.atoms.intern(
        .sum(channel: channel), codes.lowerBound * count...codes.upperBound * count)
    }
  }

  /// A function of one input number.
  private func scalar(_ channel: Int, _ layer: SymbolicLayer, _ code: @escaping (Int) -> Int)
    -> ChannelExpectation
  {
    let atom = inputAtom(channel, layer)
    var result = ChannelExpectation(weights: [atom: 1], codes: outputCodes[channel])
    result.cases = [.init(sums: layer.atoms.interval(atom), code: code)]
    return result
  }

  // MARK: Weighted sums

  /// The code of a serial sum.
  private func requantized(
    _ channel: Int, _ layer: SymbolicLayer, clamp: ClosedRange<Int>,
    _ requantize: @escaping (Int) -> Int
  ) -> ChannelExpectation {
    let sums = serial!.sums[channel]
    let offset = serial!.offsets[channel]
    let zero = node.type.zeroPoint
    let atom = layer.atoms.intern(.pixel(channel: channel), sums)
    var result = ChannelExpectation(weights: [atom: 1], codes: outputCodes[channel])
    result.cases = [
      .init(sums: sums) { sum in clamped(zero + requantize(sum + offset), clamp) }
    ]
    return result
  }

  /// The same layer whose sums are taken step by step; nil for one without weights over its whole map.
  func takenSerially() -> ExpectedLayer? {
    guard let (weight, perGroup, outputs) = weightLayer, perGroup == inputCodes.count,
      outputs == outputCodes.count, window.map(Self.isWhole) ?? (pixelCount == 1)
    else { return nil }
    let bias: [Int32]
    switch node.operation {
    case .convolution(let layer): bias = layer.bias
    case .fullyConnected(let layer): bias = layer.bias
    default: return nil
    }
    let image = inputType.shape
    var layer = self
    layer.serial = ExpectedSerial(
      codes: inputCodes, height: image.isImage ? image.height : 1,
      width: image.isImage ? image.width : 1, outputs: outputs, bias: { Int(bias[$0]) },
      zeroPoint: inputType.zeroPoint, weight: weight)
    return layer
  }

  /// True for one window that is the whole map.
  private static func isWhole(_ window: WindowGeometry) -> Bool {
    window.outputHeight == 1 && window.outputWidth == 1 && window.padTop == 0
      && window.padLeft == 0 && window.kernelHeight == window.inputHeight
      && window.kernelWidth == window.inputWidth
  }

  /// A tap of a window: the register, and outside the image the constant `outside`.
  private func tap(
    _ channel: Int, _ row: Int, _ column: Int, outside: Int, _ mask: WindowMask,
    _ layer: SymbolicLayer
  ) -> AtomID {
    let codes = inputCodes[channel]
    let tap = layer.atoms.intern(.tap(channel: channel, row: row, column: column), codes)
    if mask.isAlways { return tap }
    return layer.atoms.intern(
      .masked(tap: tap, mask: mask, outside: outside),
      min(codes.lowerBound, outside)...max(codes.upperBound, outside))
  }

  private func weighted(
    _ channel: Int, _ layer: SymbolicLayer, _ live: Set<Int>, bias: Int, clamp: ClosedRange<Int>,
    _ requantize: @escaping (Int) -> Int
  ) throws(Diagnostic) -> ChannelExpectation {
    let (weight, perGroup, outputs) = weightLayer!
    let first = channel / outputs * perGroup
    let zero = inputType.zeroPoint
    let geometry = window
    let classes = layer.classes
    var weights: [AtomID: Int] = [:]
    // TFLite's accumulator less the sum of weights times atoms.
    var constant = bias
    // By tap: the least and the greatest sum with the tap inside, and the sum with it outside.
    var ranges: [(low: Int, high: Int, outside: Int)] = []
    for row in 0..<(geometry?.kernelHeight ?? 1) {
      for column in 0..<(geometry?.kernelWidth ?? 1) {
        let mask = classes?.mask(tapRow: row, column: column)
        var range = (low: 0, high: 0, outside: 0)
        var borderWeight = 0
        if mask?.isNever ?? false {
          // Always z_x, which adds nothing to TFLite's sum; in the text it is a constant.
          ranges.append(range)
          continue
        }
        for input in 0..<perGroup {
          let value = weight(channel, row, column, input)
          let codes = inputCodes[first + input]
          guard value != 0 else { continue }
          guard live.contains(first + input) else {
            guard codes.lowerBound == codes.upperBound else {
              throw Diagnostic(
                "input channel \(first + input) can be \(codes.lowerBound) to "
                  + "\(codes.upperBound) and is not there", node: node.name)
            }
            // z_x outside the image, where it adds nothing.
            borderWeight += value * (codes.lowerBound - zero)
            continue
          }
          constant -= value * zero
          let ends = [value * codes.lowerBound, value * codes.upperBound]
          range.low += ends.min()!
          range.high += ends.max()!
          range.outside += value * zero
          let atom =
            mask.map { tap(first + input, row, column, outside: zero, $0, layer) }
            ?? inputAtom(first + input, layer)
          weights[atom, default: 0] += value
        }
        if mask?.isAlways ?? true {
          constant += borderWeight
        } else if let mask {
          range.low += borderWeight
          range.high += borderWeight
          weights[layer.atoms.intern(.mask(mask), 0...1), default: 0] += borderWeight
        }
        ranges.append(range)
      }
    }
    var result = ChannelExpectation(weights: weights, codes: outputCodes[channel])
    let shift = result.shift
    let (offset, point) = (constant, node.type.zeroPoint)
    let code = { (sum: Int) in
      min(max(point + requantize(sum << shift + offset), clamp.lowerBound), clamp.upperBound)
    }
    result.cases = Self.sums(ranges, geometry, classes).map {
      .init(sums: $0.lowerBound >> shift...$0.upperBound >> shift, code: code)
    }
    return result
  }

  /// Where sums lie: for each class of positions the taps inside have their ranges, the others are
  /// outside. Ranges that touch are joined.
  private static func sums(
    _ ranges: [(low: Int, high: Int, outside: Int)], _ geometry: WindowGeometry?,
    _ classes: WindowClasses?
  ) -> [ClosedRange<Int>] {
    guard let geometry, let classes else { return [ranges[0].low...ranges[0].high] }
    let all = classes.all.map { rows, columns in
      var (low, high) = (0, 0)
      for row in 0..<geometry.kernelHeight {
        for column in 0..<geometry.kernelWidth {
          let range = ranges[row * geometry.kernelWidth + column]
          let isInside = rows.contains(row) && columns.contains(column)
          low += isInside ? range.low : range.outside
          high += isInside ? range.high : range.outside
        }
      }
      return low...high
    }
    return all.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { joined, next in
      if let last = joined.last, next.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, next.upperBound)
      } else {
        joined.append(next)
      }
    }
  }

  // MARK: Pools

  /// A pool's window with no cell inside the image has no value.
  private func requireCells(_ layer: SymbolicLayer) throws(Diagnostic) {
    guard let classes = layer.classes,
      classes.all.allSatisfy({ !$0.rows.isEmpty && !$0.columns.isEmpty })
    else { throw Diagnostic("a window lies outside the image", node: node.name) }
  }

  private func average(_ channel: Int, _ layer: SymbolicLayer, _ pool: QuantizedPool)
    -> ChannelExpectation
  {
    let geometry = pool.geometry
    let classes = layer.classes!
    var weights: [AtomID: Int] = [:]
    for row in 0..<geometry.kernelHeight {
      for column in 0..<geometry.kernelWidth {
        let mask = classes.mask(tapRow: row, column: column)
        if mask.isNever { continue }
        weights[tap(channel, row, column, outside: 0, mask, layer), default: 0] += 1
      }
    }
    var result = ChannelExpectation(weights: weights, codes: outputCodes[channel])
    let codes = inputCodes[channel]
    let masks = layer.atoms.masks
    for (rowIndex, rows) in classes.rows.enumerated() {
      for (columnIndex, columns) in classes.columns.enumerated() {
        let count = rows.count * columns.count
        var values: [AtomID: Int] = [:]
        for (atom, mask) in masks {
          values[atom] = mask.rows[rowIndex] && mask.columns[columnIndex] ? 1 : 0
        }
        let shift = result.shift
        result.cases.append(
          .init(
            masks: values,
            sums: codes.lowerBound * count >> shift...codes.upperBound * count >> shift
          ) { Self.average($0 << shift, count, pool.clamp) })
      }
    }
    return result
  }

  private func maximum(_ channel: Int, _ layer: SymbolicLayer, _ pool: QuantizedPool)
    throws(Diagnostic) -> ChannelExpectation
  {
    let clamp = pool.clamp
    let codes = inputCodes[channel]
    if pool.padCode != nil {
      guard codes.lowerBound < codes.upperBound else {
        throw Diagnostic(
          "a constant channel among pads of a code is not covered by this proof", node: node.name)
      }
      guard layer.everyTapSeesImage else {
        throw Diagnostic(
          "a window with taps that are always in pads of a code is not covered by this proof",
          node: node.name)
      }
    }
    let atom = layer.maximumAtom(of: channel, codes: codes, padCode: pool.padCode)
    var result = ChannelExpectation(weights: [atom: 1], codes: outputCodes[channel])
    // Every window has a cell of the map.
    let most = max(codes.upperBound, pool.padCode ?? codes.upperBound)
    result.cases = [
      .init(sums: codes.lowerBound...most) { min(max($0, clamp.lowerBound), clamp.upperBound) }
    ]
    return result
  }
}

extension AtomTable {
  /// The masks of the border that are there.
  var masks: [(AtomID, WindowMask)] {
    kinds.indices.compactMap {
      if case .mask(let mask) = kinds[$0] { (AtomID(index: Int32($0)), mask) } else { nil }
    }
  }
}

extension SymbolicLayer {
  /// False when a tap of the window is outside the image at every position.
  var everyTapSeesImage: Bool {
    guard case .window(let geometry) = front.form, let classes else { return true }
    return (0..<geometry.kernelHeight).allSatisfy { row in
      (0..<geometry.kernelWidth).allSatisfy { !classes.mask(tapRow: row, column: $0).isNever }
    }
  }

  /// The greatest of a channel's taps that can lie inside the image. Where it lies outside, a tap is
  /// `padCode`; without one it may stand for any number up to the least code, which changes no
  /// maximum. The atom that the text has, if it has such a one; else one that it has not.
  func maximumAtom(of channel: Int, codes: ClosedRange<Int>, padCode: Int?) -> AtomID {
    guard case .window(let geometry) = front.form, let classes else {
      preconditionFailure("a max pool has a window")
    }
    var wanted: [AtomID: WindowMask] = [:]
    for row in 0..<geometry.kernelHeight {
      for column in 0..<geometry.kernelWidth {
        let mask = classes.mask(tapRow: row, column: column)
        if mask.isNever { continue }
        let tap = atoms.intern(.tap(channel: channel, row: row, column: column), codes)
        wanted[tap] = mask
      }
    }
    func isWanted(_ members: [AtomID]) -> Bool {
      var seen: Set<AtomID> = []
      for member in members {
        switch atoms[member] {
        case .tap:
          guard let mask = wanted[member], mask.isAlways else { return false }
          seen.insert(member)
        case .masked(let tap, let mask, let outside):
          guard wanted[tap] == mask,
            padCode.map({ outside == $0 }) ?? (outside <= codes.lowerBound)
          else { return false }
          seen.insert(tap)
        default: return false
        }
      }
      return seen.count == wanted.count
    }
    for index in atoms.kinds.indices {
      let atom = AtomID(index: Int32(index))
      switch atoms.kinds[index] {
      case .maximum(let members) where isWanted(members): return atom
      case .tap where wanted.count == 1 && isWanted([atom]): return atom
      case .masked where wanted.count == 1 && isWanted([atom]): return atom
      default: break
      }
    }
    return atoms.intern(.maximum(wanted.keys.sorted()), codes)
  }
}
