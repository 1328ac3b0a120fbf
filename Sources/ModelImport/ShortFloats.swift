extension Float {
  /// The number with these IEEE 754 binary16 bits, exactly.
  init(binary16 bits: UInt16) {
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10) & 31
    let fraction = Float(bits & 1023)
    switch exponent {
    case 0: self = sign * fraction * 0x1p-24
    case 31: self = fraction == 0 ? sign * .infinity : .nan
    default:
      self =
        sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
    }
  }

  /// The number whose binary32 bits begin with these 16: bfloat16.
  init(brainFloat16 bits: UInt16) { self.init(bitPattern: UInt32(bits) << 16) }
}
