import Dispatch
import Foundation

/// Cores of this machine.
var activeProcessorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

/// Runs `body` on contiguous ranges that together cover `0..<count`, on up to `threads` threads;
/// small work (`operations` in all) stays on this thread. `body` must write disjoint memory.
func parallel(
  _ count: Int, threads: Int, operations: Int, _ body: (Range<Int>) -> Void
) {
  let pieces = operations < 50_000 ? 1 : min(count, threads == 1 ? 1 : threads * 4)
  guard pieces > 1 else {
    body(0..<count)
    return
  }
  withoutActuallyEscaping(body) { body in
    let work = SharedWork(body: body)
    DispatchQueue.concurrentPerform(iterations: pieces) { piece in
      work.body(piece * count / pieces..<(piece + 1) * count / pieces)
    }
  }
}

/// A closure that several threads call; the caller vouches that its writes are disjoint.
private struct SharedWork: @unchecked Sendable {
  let body: (Range<Int>) -> Void
}

/// A tensor's bytes as codes minus a zero point, in 16 bits.
func centred(_ bytes: [UInt8], element: QuantizedElement, zeroPoint: Int) -> [Int16] {
  let zero = Int16(zeroPoint)
  return [Int16](unsafeUninitializedCapacity: bytes.count) { buffer, count in
    bytes.withUnsafeBufferPointer { bytes in
      if element == .uint8 {
        for index in 0..<bytes.count { buffer[index] = Int16(bytes[index]) &- zero }
      } else {
        for index in 0..<bytes.count {
          buffer[index] = Int16(Int8(bitPattern: bytes[index])) &- zero
        }
      }
    }
    count = bytes.count
  }
}

/// Applies a `FixedPointMultiplier`, a zero point and a clamp, with all constants ready. Both of
/// TFLite's roundings are one shift (docs/numerics.md):
/// `(a 2^L q + 2^30 + 2^(30+E) - [a 2^L q + 2^30 < 0] 2^31) >> (31 + E)` for E >= 1.
struct Requantizer: Sendable {
  private let factor: Int
  private let secondRounding: Int
  private let negativeStep: Int
  private let shift: Int
  private let zeroPoint: Int
  private let low: Int
  private let high: Int
  /// ONNX's rule, instead of the numbers above.
  private let exact: FixedPointMultiplier?

  init(_ multiplier: FixedPointMultiplier, zeroPoint: Int, clamp: ClosedRange<Int>) {
    exact = multiplier.isExact ? multiplier : nil
    let multiplier =
      multiplier.isExact ? FixedPointMultiplier(multiplier: 0, exponent: 0) : multiplier
    factor = multiplier.multiplier << max(0, multiplier.exponent)
    let right = max(0, -multiplier.exponent)
    secondRounding = right > 0 ? 1 << (30 + right) : 0
    negativeStep = right > 0 ? 1 << 31 : 0
    shift = 31 + right
    self.zeroPoint = zeroPoint
    low = clamp.lowerBound
    high = clamp.upperBound
  }

  /// The output code's byte. The product fits 62 bits: `verify` has shown that the accumulator
  /// shifted left by the exponent fits 32.
  @inline(__always)
  func callAsFunction(_ accumulator: Int) -> UInt8 {
    if let exact {
      let code = exact.apply(accumulator) + zeroPoint
      return UInt8(truncatingIfNeeded: max(low, min(high, code)))
    }
    let product = accumulator &* factor &+ (1 << 30)
    let step = (product >> 63) & negativeStep
    let scaled = (product &+ secondRounding &- step) &>> shift
    return UInt8(truncatingIfNeeded: max(low, min(high, scaled &+ zeroPoint)))
  }
}
