import NeuralGraph
import Testing

@Suite struct QuantizationParametersTests {
  @Test("ReLU6's upper clamp is six steps of the output scale above the zero point")
  func relu6Clamp() {
    let parameters = QuantizationParameters(scale: 0.05, zeroPoint: 3)
    #expect(FusedActivation.relu6.clamp(element: .uint8, parameters: parameters) == 3...123)
  }

  @Test("A bound whose code leaves the type is cut to the type's range")
  func clampStaysInType() {
    let fine = QuantizationParameters(scale: 1e-38, zeroPoint: -128)
    #expect(FusedActivation.relu6.clamp(element: .int8, parameters: fine) == -128...127)
    #expect(FusedActivation.none.clamp(element: .int8, parameters: fine) == -128...127)
  }

  @Test("ReLU_N1_TO_1 is symmetric around the zero point")
  func reluN1To1Clamp() {
    let parameters = QuantizationParameters(scale: 0.01, zeroPoint: 10)
    #expect(FusedActivation.reluN1To1.clamp(element: .int8, parameters: parameters) == -90...110)
  }

  @Test("A uint8 convolution rounds the product of the scales to binary32, an int8 one does not")
  func convolutionProductPrecision() {
    // 0.1f * 0.3f is not a binary32 number.
    let narrow = FixedPointMultiplier.convolution(
      element: .uint8, input: 0.1, weights: 0.3, output: 1)
    let wide = FixedPointMultiplier.convolution(
      element: .int8, input: 0.1, weights: 0.3, output: 1)
    #expect(narrow == FixedPointMultiplier(real: Double(Float(0.1) * Float(0.3))))
    #expect(wide == FixedPointMultiplier(real: Double(Float(0.1)) * Double(Float(0.3))))
    #expect(narrow != wide)
  }

  @Test(
    "A multiplier that is zero, infinite or not a number is refused",
    arguments: [0, Double.infinity, .nan, -1, 0x1p30])
  func unusableMultiplier(real: Double) {
    #expect(FixedPointMultiplier(checked: real) == nil)
    #expect(RealMultiplier(checked: real) == nil)
  }

  @Test("A real multiplier holds all 53 bits")
  func realMultiplier() {
    let multiplier = RealMultiplier(checked: 0.1)
    #expect(multiplier == RealMultiplier(mantissa: 0x1999_9999_9999_9A, shift: 56))
  }

  @Test("MEAN's multiplier is shifted left first and divided by the count after")
  func meanMultiplier() {
    // s_x / s_y = 1 is (2^30, 1); 49 has 6 bits, so 5 shifts: (2^35 / 49, 1 - 5).
    #expect(
      FixedPointMultiplier.mean(input: 0.5, output: 0.5, count: 49)
        == FixedPointMultiplier(multiplier: (1 << 35) / 49, exponent: -4))
  }

  @Test("ADD brings both inputs to twice the larger scale")
  func addMultipliers() throws {
    let add = try #require(
      QuantizedAdd(first: 0.5, second: 0.25, output: 1, clamp: -128...127))
    #expect(add.first == FixedPointMultiplier(real: 0.5))
    #expect(add.second == FixedPointMultiplier(real: 0.25))
    #expect(add.output == FixedPointMultiplier(real: 1 / Double(1 << 20)))
  }

  @Test("SOFTMAX scales differences to 26 fraction bits and cuts those beyond 31")
  func softmaxParameters() throws {
    let softmax = try #require(QuantizedSoftmax(inputScale: 0.125))
    // 2^23 = 2^30 * 2^(24 - 31).
    #expect(softmax.inputMultiplier == FixedPointMultiplier(multiplier: 1 << 30, exponent: 24))
    #expect(softmax.minimumDifference == -((31 << 26) >> 24))
    #expect(QuantizedSoftmax(inputScale: 0x1p-27) == nil)
  }
}
