import GraphPasses
import NeuralGraph
import TensorFiles

/// Images by which an accuracy budget is kept: with labels top-1, without them agreement with the
/// best classes of a reference.
public struct Validation: Sendable {
  private let images: ImageSet
  /// The numbers of those that are taken.
  private let taken: [Int]
  private let resize: Bool
  private let threads: Int
  /// What counts as right, one an image that is taken.
  private let classes: [Int]
  /// The images that the reference gets right: all, where it is what counts.
  public let referenceCount: Int

  /// Evaluates the reference on up to `limit` images, evenly spaced. `labels` has one class an image
  /// of the whole set. Throws as `evaluate` does.
  public init(
    images: ImageSet, labels: [Int]?, reference: Classifier, limit: Int, resize: Bool, threads: Int
  ) throws(Diagnostics) {
    precondition(limit > 0, "a validation has an image at least")
    self.images = images
    self.resize = resize
    self.threads = threads
    let count = min(images.count, limit)
    let taken = (0..<count).map { $0 * images.count / count }
    self.taken = taken
    let best = try Self.best(reference, images, taken, resize: resize, threads: threads)
    classes = labels.map { labels in taken.map { labels[$0] } } ?? best
    referenceCount = zip(best, classes).count(where: ==)
  }

  /// How many images are taken.
  public var imageCount: Int { taken.count }

  /// The number of images that a network gets right.
  public func count(_ graph: QuantizedGraph) throws(Diagnostics) -> Int {
    let classifier = try Classifier(graph, name: graph.name)
    return zip(
      try Self.best(classifier, images, taken, resize: resize, threads: threads), classes
    ).count(where: ==)
  }

  /// The least count that loses at most `points` of a hundred images against the reference.
  public func leastCount(budget points: Double) -> Int {
    Int((Double(referenceCount) - points / 100 * Double(taken.count)).rounded(.up))
  }

  private static func best(
    _ classifier: Classifier, _ images: ImageSet, _ taken: [Int], resize: Bool, threads: Int
  ) throws(Diagnostics) -> [Int] {
    try inParallel(taken.count, threads: threads) { place throws(Diagnostics) in
      try classifier.ranking(
        samples: images.samples(taken[place], for: classifier.inputShape, resize: resize), count: 1
      )[0]
    }
  }
}
