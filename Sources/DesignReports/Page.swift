/// A page of HTML that needs no network: style, tables and figures are in it. Colours follow the reader's
/// light or dark setting.
struct Page {
  var title: String
  private var body = ""

  init(title: String) { self.title = title }

  /// Characters that HTML reads otherwise, written so that it does not.
  static func escape(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }

  mutating func heading(_ text: String) { body += "<h2>\(Self.escape(text))</h2>\n" }

  mutating func paragraph(_ text: String) { body += "<p>\(Self.escape(text))</p>\n" }

  /// An SVG element and what it shows.
  mutating func figure(_ svg: String, caption: String) {
    body += "<figure>\n\(svg)\n<figcaption>\(Self.escape(caption))</figcaption>\n</figure>\n"
  }

  /// The first row is the heading; the first column is flush left, the others right.
  mutating func table(_ rows: [[String]]) {
    guard let heading = rows.first else { return }
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { "<\(tag)>\(Self.escape($0))</\(tag)>" }.joined() + "</tr>\n"
    }
    body += "<div class=\"wide\"><table>\n<thead>\(row(heading, "th"))</thead>\n<tbody>\n"
    body += rows.dropFirst().map { row($0, "td") }.joined()
    body += "</tbody></table></div>\n"
  }

  /// The whole file.
  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escape(title))</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <h1>\(Self.escape(title))</h1>
    \(body)</body>
    </html>

    """
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff;
      --line: #d0d7de; --c0: #3b6fb6; --c1: #d4843e; --c2: #5a9e6f; --c3: #a65c9c; --c4: #b8a13a;
      --c5: #7d8590; --c6: #c65b5b; --c7: #8a6d3b; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --paper: #0d1117;
      --line: #3d444d; --c0: #6ea0e0; --c1: #e0a060; --c2: #7fc492; --c3: #c98bc0; --c4: #d8c466;
      --c5: #9aa3ad; --c6: #e08a8a; --c7: #c9a66b; } }
    body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
    h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.87rem; }
    th, td { padding: 0.2rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; }
    th:first-child, td:first-child { text-align: left; } th { color: var(--soft); }
    .wide { overflow-x: auto; } figure { margin: 1rem 0; overflow-x: auto; }
    figcaption { color: var(--soft); font-size: 0.87rem; }
    svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); }
    svg .soft { fill: var(--soft); } svg .box { fill: none; stroke: var(--ink); }
    svg .wire { stroke: var(--soft); fill: none; }
    svg g[color="black"] { color: var(--ink); } svg [stroke="black"] { stroke: var(--ink); }
    """
}
