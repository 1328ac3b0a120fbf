/// A nondecreasing integer function on a closed interval, by the inputs at which it rises: what a
/// requantizer does to the accumulators that can occur.
public struct Staircase: Hashable, Sendable {
  /// The inputs.
  public let domain: ClosedRange<Int>
  /// The value at the lower end of the domain.
  public let lowest: Int
  /// `thresholds[k]` is the smallest input with a value of at least `lowest + 1 + k`; ascending, equal
  /// where the function rises by more than one at once.
  public let thresholds: [Int]

  /// Why a function is no staircase.
  public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    case decreases(between: Int, and: Int)
    case tooManyLevels(Int)

    public var description: String {
      switch self {
      case .decreases(let a, let b): "the function falls between \(a) and \(b)"
      case .tooManyLevels(let count): "the function takes \(count) levels, more than 65536"
      }
    }
  }

  /// The staircase of a nondecreasing function of at most 65,536 levels, by bisection: about
  /// (number of rises) * log2(domain) evaluations. Throws when a probe shows that it falls.
  public init(domain: ClosedRange<Int>, function: (Int) -> Int) throws(Failure) {
    let (low, high) = (function(domain.lowerBound), function(domain.upperBound))
    guard low <= high else {
      throw .decreases(between: domain.lowerBound, and: domain.upperBound)
    }
    guard high - low < 1 << 16 else { throw .tooManyLevels(high - low + 1) }
    var thresholds: [Int] = []
    thresholds.reserveCapacity(high - low)
    var stack = [(domain.lowerBound, low, domain.upperBound, high)]
    while let (x, y, end, top) = stack.popLast() {
      guard y < top else { continue }
      if end - x == 1 {
        for _ in y..<top { thresholds.append(end) }
        continue
      }
      let middle = x + (end - x) / 2
      let value = function(middle)
      guard y <= value else { throw .decreases(between: x, and: middle) }
      guard value <= top else { throw .decreases(between: middle, and: end) }
      stack.append((middle, value, end, top))
      stack.append((x, y, middle, value))
    }
    self.domain = domain
    self.lowest = low
    self.thresholds = thresholds
  }

  /// The value at the upper end of the domain.
  public var highest: Int { lowest + thresholds.count }

  /// The function takes one value only.
  public var isConstant: Bool { thresholds.isEmpty }

  /// The value at an input of the domain.
  public func value(at input: Int) -> Int {
    var (low, high) = (0, thresholds.count)
    while low < high {
      let middle = (low + high) / 2
      if thresholds[middle] <= input { low = middle + 1 } else { high = middle }
    }
    return lowest + low
  }
}
