/// The static extents of a tensor, outermost first; images are NHWC with N = 1.
public struct TensorShape: Hashable, Sendable, CustomStringConvertible {
  public var dimensions: [Int]

  /// Traps on a negative extent; importers check extents before they get here.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "a tensor extent is negative")
    self.dimensions = dimensions
  }

  public init(height: Int, width: Int, channels: Int) {
    self.init([1, height, width, channels])
  }

  public var rank: Int { dimensions.count }

  /// The number of elements; traps if it leaves `Int` (importers use `checkedElementCount`).
  public var elementCount: Int { dimensions.reduce(1, *) }

  /// The product of `dimensions`, or nil if it is larger than `limit` or an extent is negative.
  public static func checkedElementCount(_ dimensions: [Int], limit: Int) -> Int? {
    var count = 1
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= limit else { return nil }
      count = product
    }
    return count
  }

  /// True for [1, H, W, C].
  public var isImage: Bool { rank == 4 && dimensions[0] == 1 }
  /// H of [1, H, W, C].
  public var height: Int { dimensions[1] }
  /// W of [1, H, W, C].
  public var width: Int { dimensions[2] }
  /// The innermost extent.
  public var channels: Int { dimensions.last ?? 1 }

  public var description: String { dimensions.map(String.init).joined(separator: "x") }
}
