/// Height and width of an image in pixels.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// `HEIGHTxWIDTH`, as the command line takes it.
  public var description: String { "\(height)x\(width)" }
}
