import NeuralGraph

extension Design {
  /// What the hardware computes for one frame, without its timing: every layer's output codes in
  /// row, column, channel order, from datapaths evaluated at their proved widths. Slow: for checks.
  ///
  /// `pixels` are the input's codes in the same order. Constant channels are what they were proved
  /// to be.
  package func evaluate(_ pixels: [Int]) -> [[Int]] {
    precondition(
      pixels.count == input.height * input.width * input.channels.count,
      "a frame has height x width x channels codes")
    var maps: [[Int]] = []
    var known: [ValueID: ([Int], channels: Int)] = [:]
    for layer in layers {
      // What no layer makes is the input.
      let operands = layer.operands.map { known[$0] ?? (pixels, input.channels.count) }
      let map = layer.evaluate(Layer.interleaved(operands, pixels: layer.input.pixels))
      maps.append(map)
      known[layer.value] = (map, layer.output.channels.count)
    }
    return maps
  }
}

extension PixelFormat {
  /// Pixels of a frame.
  var pixels: Int { height * width }
}

extension Layer {
  /// Maps of one size as one, each pixel's channels one behind the other.
  fileprivate static func interleaved(_ maps: [([Int], channels: Int)], pixels: Int) -> [Int] {
    if maps.count == 1 { return maps[0].0 }
    return (0..<pixels).flatMap { pixel in
      maps.flatMap { codes, channels in codes[pixel * channels..<(pixel + 1) * channels] }
    }
  }
}

extension Layer {
  /// The layer's output codes for one map of input codes.
  func evaluate(_ map: [Int]) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(output.height * output.width * output.channels.count)
    for row in 0..<output.height {
      for column in 0..<output.width {
        let values = datapath.evaluate(widths: widths) { signal in
          self.value(of: inputs[signal]!, row, column, map)
        }
        var live = datapath.outputs.makeIterator()
        for channel in output.channels {
          switch channel {
          case .constant(let code): result.append(code)
          case .live: result.append(values[live.next()!.index])
          }
        }
      }
    }
    return result
  }

  /// What an input register holds for output pixel (`row`, `column`). A tap outside the image
  /// holds whatever pixel is there in the stream; a pixel of this map stands for it.
  private func value(of role: LayerInput, _ row: Int, _ column: Int, _ map: [Int]) -> Int {
    if case .parameter(let channel, let field) = role, let adaptive {
      return adaptive.trained[channel].code(field, adaptive.adaptation)
    }
    let channels = input.channels.count
    func pixel(_ y: Int, _ x: Int, _ channel: Int) -> Int {
      let y = min(max(y, 0), input.height - 1)
      let x = min(max(x, 0), input.width - 1)
      return map[(y * input.width + x) * channels + channel]
    }
    guard case .window(let geometry) = form else {
      switch role {
      case .pixel(let channel): return pixel(row, column, channel)
      case .sum(let channel):
        if case .serial(let sums) = form {
          return sums.sum(of: channel, map, mapChannels: channels)
        }
        return stride(from: channel, to: map.count, by: channels).reduce(0) { $0 + map[$1] }
      default: preconditionFailure("only a window has taps and masks")
      }
    }
    let top = row * geometry.strideY - geometry.padTop
    let left = column * geometry.strideX - geometry.padLeft
    switch role {
    case .tap(let channel, let tapRow, let tapColumn):
      return pixel(
        top + tapRow * geometry.dilationY, left + tapColumn * geometry.dilationX, channel)
    case .inside(let tapRow, let tapColumn):
      let rowIsInside = tapRow.map {
        (0..<input.height).contains(top + $0 * geometry.dilationY)
      }
      let columnIsInside = tapColumn.map {
        (0..<input.width).contains(left + $0 * geometry.dilationX)
      }
      return (rowIsInside ?? true) && (columnIsInside ?? true) ? 1 : 0
    case .pixel, .sum, .parameter: preconditionFailure("a window layer reads taps")
    }
  }
}
