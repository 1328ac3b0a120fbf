import NeuralGraph

extension Graph {
  /// What the input numbers of a float network are for a pixel of 0 to 255: what the caller says, or
  /// the file, or else what the network's first arithmetic gives away; `isAssumed` when none does.
  public func pixelNormalization(
    stated: InputNormalization?
  ) throws(Diagnostics) -> (input: InputNormalization, isAssumed: Bool) {
    do throws(Diagnostic) {
      let preprocessing = try InputPreprocessing(self, stated: stated)
      return (preprocessing.raw, preprocessing.isAssumed)
    } catch {
      throw Diagnostics(error)
    }
  }
}
