import NeuralGraph
import RTL
import Testing

@Suite("Windows that cannot be streamed")
struct WindowDiagnosticTests {
  private func window(
    height: Int = 8, width: Int = 8, kernel: Int = 3, stride: Int = 1, dilation: Int = 1,
    padTop: Int = 1, padLeft: Int = 1, outputHeight: Int = 8, outputWidth: Int = 8
  ) -> WindowGeometry {
    WindowGeometry(
      inputHeight: height, inputWidth: width, kernelHeight: kernel, kernelWidth: kernel,
      strideY: stride, strideX: stride, dilationY: dilation, dilationX: dilation, padTop: padTop,
      padLeft: padLeft, outputHeight: outputHeight, outputWidth: outputWidth)
  }

  @Test("A window that can be streamed has no diagnostic")
  func good() {
    #expect(WindowTiming.verify(window()) == [])
  }

  @Test("Pads that give more rows than the image has are refused, naming the node")
  func padsTopAndBottom() {
    let found = WindowTiming.verify(window(padTop: 2, outputHeight: 10), node: "conv")
    #expect(found.count == 1)
    #expect(found[0].message.hasPrefix("the paddings top and bottom of a window are 2 and 2"))
    #expect(found[0].place.node == "conv")
    #expect(found[0].remedy != nil)
  }

  @Test("Pads that give more columns than the image has are refused")
  func padsLeftAndRight() {
    let found = WindowTiming.verify(window(padLeft: 2, outputWidth: 10))
    #expect(found.count == 1)
    #expect(found[0].message.hasPrefix("the paddings left and right of a window are 2 and 2"))
  }

  @Test("A first window wholly outside the image is refused")
  func padBeyondReach() {
    let found = WindowTiming.verify(window(padTop: 3, outputHeight: 6))
    #expect(found.count == 1)
  }

  @Test("A window without output is refused")
  func noOutput() {
    let found = WindowTiming.verify(window(outputHeight: 0))
    #expect(found.map(\.message) == ["a window's output height is 0, outside 1 ... 1048576"])
  }

  @Test("A negative padding is refused")
  func negativePad() {
    #expect(WindowTiming.verify(window(padLeft: -1)).count == 1)
  }

  @Test("Absurd extents are refused without overflow")
  func absurd() {
    let huge = window(
      height: .max, width: .max, kernel: .max, stride: .max, dilation: .max, padTop: .max,
      padLeft: .max, outputHeight: .max, outputWidth: .max)
    #expect(WindowTiming.verify(huge).count == 12)
    let large = window(
      height: 1 << 20, width: 1 << 20, kernel: 1 << 20, dilation: 1 << 20, padTop: 0, padLeft: 0,
      outputHeight: 1, outputWidth: 1)
    #expect(WindowTiming.verify(large).count >= 1)
    #expect(
      StageTiming(.frameAccumulator(height: .max, width: 2), ranks: 1, fifoDepth: 1).verify()
        .count == 1)
  }

  @Test("All that is wrong is reported at once")
  func several() {
    #expect(
      WindowTiming.verify(window(padTop: 2, padLeft: 2, outputHeight: 10, outputWidth: 10)).count
        == 2)
  }
}
