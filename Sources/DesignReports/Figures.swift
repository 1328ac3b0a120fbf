import Foundation

/// Horizontal bars of stacked parts, one a row, drawn as SVG.
struct StackedBars {
  var parts: [String]
  /// A name, a value for each part, and what stands behind the bar.
  var rows: [(name: String, values: [Double], note: String)]

  private static let rowHeight = 22.0
  private static let left = 230.0
  private static let width = 640.0

  var svg: String {
    let largest = max(rows.map { $0.values.reduce(0, +) }.max() ?? 0, 1e-12)
    let height = Self.rowHeight * Double(rows.count) + 40
    var text =
      "<svg viewBox=\"0 0 980 \(number(height))\" width=\"980\" height=\"\(number(height))\" "
      + "font-size=\"12\" role=\"img\">\n"
    var x = Self.left
    for (index, part) in parts.enumerated() {
      text +=
        "<rect x=\"\(number(x))\" y=\"6\" width=\"12\" height=\"12\" fill=\"var(--c\(index))\"/>"
      text += "<text x=\"\(number(x + 17))\" y=\"16\">\(Page.escape(part))</text>\n"
      x += 32 + 7 * Double(part.count)
    }
    for (index, row) in rows.enumerated() {
      let y = 32 + Self.rowHeight * Double(index)
      text +=
        "<text x=\"\(number(Self.left - 8))\" y=\"\(number(y + 12))\" text-anchor=\"end\">"
        + "\(Page.escape(shortened(row.name)))</text>"
      var x = Self.left
      for (part, value) in row.values.enumerated() where value > 0 {
        let width = value / largest * Self.width
        text +=
          "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"16\" "
          + "fill=\"var(--c\(part))\"><title>\(Page.escape(parts[part])): "
          + "\(Page.escape(significant(value)))</title></rect>"
        x += width
      }
      text +=
        "<text class=\"soft\" x=\"\(number(x + 6))\" y=\"\(number(y + 12))\">"
        + "\(Page.escape(row.note))</text>\n"
    }
    return text + "</svg>"
  }

  private func shortened(_ name: String) -> String {
    name.count <= 32 ? name : String(name.prefix(15)) + "…" + String(name.suffix(16))
  }
}

/// The stages of a pipeline as boxes in a row that breaks, with what flows between them.
struct PipelineDiagram {
  struct Box {
    var title: String
    var lines: [String]
    /// What the wire into the box carries.
    var input: String
  }

  var boxes: [Box]
  /// What leaves the last box.
  var output: String

  private static let columns = 3
  private static let boxWidth = 190.0
  private static let gap = 120.0

  var svg: String {
    let lines = boxes.map(\.lines.count).max() ?? 0
    let boxHeight = 30 + 16 * Double(lines)
    let rowHeight = boxHeight + 40
    let rows = (boxes.count + Self.columns - 1) / Self.columns
    let height = rowHeight * Double(rows) + 10
    let width = Double(Self.columns) * (Self.boxWidth + Self.gap) + Self.gap
    var text =
      "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" width=\"\(number(width))\" "
      + "height=\"\(number(height))\" font-size=\"12\" role=\"img\">\n"
    func wire(_ x: Double, _ y: Double, _ label: String) {
      text +=
        "<path class=\"wire\" d=\"M\(number(x)) \(number(y)) h\(number(Self.gap - 8)) m-6 -4 l6 4 l-6 4\"/>"
        + "<text class=\"soft\" font-size=\"11\" x=\"\(number(x + Self.gap / 2 - 4))\" "
        + "y=\"\(number(y - 7))\" text-anchor=\"middle\">\(Page.escape(label))</text>\n"
    }
    for (index, box) in boxes.enumerated() {
      let x = Self.gap + Double(index % Self.columns) * (Self.boxWidth + Self.gap)
      let y = 10 + rowHeight * Double(index / Self.columns)
      wire(x - Self.gap + 4, y + boxHeight / 2, box.input)
      text +=
        "<rect class=\"box\" x=\"\(number(x))\" y=\"\(number(y))\" rx=\"4\" "
        + "width=\"\(number(Self.boxWidth))\" height=\"\(number(boxHeight))\"/>"
        + "<text x=\"\(number(x + 10))\" y=\"\(number(y + 19))\" font-weight=\"600\">"
        + "\(Page.escape(box.title))</text>"
      for (line, words) in box.lines.enumerated() {
        text +=
          "<text class=\"soft\" font-size=\"11\" x=\"\(number(x + 10))\" "
          + "y=\"\(number(y + 36 + 16 * Double(line)))\">\(Page.escape(words))</text>"
      }
      text += "\n"
      if index == boxes.count - 1 {
        wire(x + Self.boxWidth + 4, y + boxHeight / 2, output)
      }
    }
    return text + "</svg>"
  }
}

/// Makes an SVG element that leans on the page's style a file of its own, on white.
func standaloneSVG(_ element: String) -> String {
  let body = element.replacing(
    "<svg ",
    with: "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" ",
    maxReplacements: 1)
  guard let end = body.firstIndex(of: ">") else { return body }
  return """
    \(body[...end])
    <style>:root { --c0: #3b6fb6; --c1: #d4843e; --c2: #5a9e6f; } .soft { fill: #57606a; }</style>
    <rect width="100%" height="100%" fill="#ffffff"/>\(body[body.index(after: end)...])

    """
}

/// A coordinate: a tenth is more than the eye sees.
func number(_ value: Double) -> String { String(format: "%.1f", value) }

/// Three significant digits, with commas between thousands.
func significant(_ value: Double) -> String {
  if value == 0 { return "0" }
  if abs(value) >= 1000 {
    var digits = Array(String(Int(value.rounded()).magnitude))
    var position = digits.count - 3
    while position > 0 {
      digits.insert(",", at: position)
      position -= 3
    }
    return (value < 0 ? "-" : "") + String(digits)
  }
  let places = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
  return String(format: "%.\(min(places, 6))f", value)
}
