/// A point that a line has to pass: above it (or through it) for a lower bound, below it for an upper.
struct LinePoint {
  var x: Int
  /// In units of 2^-E of a level.
  var y: Int
}

/// A non-negative fraction; compared exactly, in 128 bits.
struct Slope: Hashable, Comparable {
  var rise: Int
  var run: Int

  static func < (a: Slope, b: Slope) -> Bool {
    Int128(a.rise) * Int128(b.run) < Int128(b.rise) * Int128(a.run)
  }

  static func == (a: Slope, b: Slope) -> Bool {
    Int128(a.rise) * Int128(b.run) == Int128(b.rise) * Int128(a.run)
  }

  /// The largest slope of a line from a point of `left` to a point of `right` further along; nil when
  /// there is no such pair. Both ascend in x; n log n: the best start lies on the lower convex hull of
  /// the points passed so far, where the slope has a single peak.
  static func steepest(from left: [LinePoint], to right: [LinePoint]) -> Slope? {
    var hull: [LinePoint] = []
    var best: Slope?
    var next = 0
    for end in right {
      while next < left.count && left[next].x < end.x {
        let point = left[next]
        next += 1
        if let last = hull.last, last.x == point.x {
          if last.y <= point.y { continue }
          hull.removeLast()
        }
        while hull.count >= 2,
          turn(hull[hull.count - 2], hull[hull.count - 1], point) <= 0
        {
          hull.removeLast()
        }
        hull.append(point)
      }
      guard !hull.isEmpty else { continue }
      var (low, high) = (0, hull.count - 1)
      while low < high {
        let middle = (low + high) / 2
        // The peak lies behind the middle while the hull's edge there is flatter than the line to `end`.
        if turn(hull[middle], hull[middle + 1], end) >= 0 {
          low = middle + 1
        } else {
          high = middle
        }
      }
      let slope = Slope(rise: end.y - hull[low].y, run: end.x - hull[low].x)
      if best.map({ $0 < slope }) ?? true { best = slope }
    }
    return best
  }

  /// The flattest: the same upside down.
  static func flattest(from left: [LinePoint], to right: [LinePoint]) -> Slope? {
    func mirrored(_ points: [LinePoint]) -> [LinePoint] {
      points.map { LinePoint(x: $0.x, y: -$0.y) }
    }
    return steepest(from: mirrored(left), to: mirrored(right)).map {
      Slope(rise: -$0.rise, run: $0.run)
    }
  }

  /// Positive when the way a, b, c turns left.
  private static func turn(_ a: LinePoint, _ b: LinePoint, _ c: LinePoint) -> Int {
    let left = Int128(b.x - a.x) * Int128(c.y - a.y)
    let right = Int128(b.y - a.y) * Int128(c.x - a.x)
    return left == right ? 0 : (left > right ? 1 : -1)
  }
}
