/// One network of a sweep: what it costs and what it gets right.
public struct TradeOffPoint: Hashable, Sendable, Codable {
  /// `w8_p25`: weight bits and percent of the adders to save; `int8_p25` for a network that came in
  /// integers. The files of the point have this name.
  public var name: String
  /// nil for a network that came in integers.
  public var weightBits: Int?
  /// Percent of the adders that pruning was to save; 0 for none.
  public var saved: Double
  public var adders: Int
  public var gates: Int
  /// Images that are right: of the labels' class, or the reference's without labels.
  public var right: Int
  public var images: Int
  /// True when no other point has both fewer adders and as many right, or as few and more right.
  public var isPareto = false

  public init(
    name: String, weightBits: Int?, saved: Double, adders: Int, gates: Int, right: Int, images: Int
  ) {
    self.name = name
    self.weightBits = weightBits
    self.saved = saved
    self.adders = adders
    self.gates = gates
    self.right = right
    self.images = images
  }
}

/// A sweep of bits and pruning, as a table and as a plot.
public struct TradeOff: Hashable, Sendable {
  /// The fewest adders first.
  public let points: [TradeOffPoint]
  /// What `right` counts.
  public let isLabelled: Bool

  /// Marks the Pareto points and brings the points in order.
  public init(_ points: [TradeOffPoint], isLabelled: Bool) {
    var points = points.sorted {
      ($0.adders, $1.right, $0.name) < ($1.adders, $0.right, $1.name)
    }
    // In this order a point is Pareto's when it gets more right than all before it.
    var best = -1
    for index in points.indices {
      points[index].isPareto = points[index].right > best
      best = max(best, points[index].right)
    }
    self.points = points
    self.isLabelled = isLabelled
  }

  /// The points as comma-separated values with a heading.
  public var csv: String {
    let measure = isLabelled ? "top1_percent" : "agreement_percent"
    let lines = points.map { point in
      [
        point.name, point.weightBits.map(String.init) ?? "", "\(point.saved)", "\(point.adders)",
        "\(point.gates)", "\(point.right)", "\(point.images)", point.percent,
        point.isPareto ? "1" : "0",
      ].joined(separator: ",")
    }
    return
      (["name,weight_bits,saved_percent,adders,gates,right,images,\(measure),pareto"] + lines)
      .joined(separator: "\n") + "\n"
  }

  /// A gnuplot script that draws the file `csv` of this name as SVG to standard output.
  public func gnuplot(csv name: String, title: String) -> String {
    let plain = title.filter { !"'\"\\\n".contains($0) }
    return """
      set terminal svg size 800,500 noenhanced font 'sans-serif,12' background 'white'
      set datafile separator ','
      set title '\(plain)'
      set xlabel 'adders'
      set ylabel '\(isLabelled ? "top-1, %" : "agreement, %")'
      set key bottom right
      set grid
      set offsets graph 0.05, graph 0.05, graph 0.08, graph 0.05
      plot '\(name)' every ::1 using 4:8 with points pt 6 lc rgb '#888888' title 'swept', \\
        '\(name)' every ::1 using ($9==1?$4:NaN):8 with linespoints pt 7 lc rgb '#1f5fa8' title 'Pareto', \\
        '\(name)' every ::1 using ($9==1?$4:NaN):8:1 with labels offset 0,-0.9 font ',9' notitle
      """ + "\n"
  }
}

extension TradeOffPoint {
  /// Two decimals, halves up.
  public var percent: String {
    let hundredths = (right * 20_000 + images) / (2 * images)
    let digits = String(hundredths % 100)
    return "\(hundredths / 100).\(digits.count < 2 ? "0" : "")\(digits)"
  }
}
