import NeuralGraph
import TensorFiles

/// How one network did on a set of images.
public struct Evaluation: Hashable, Sendable, Codable {
  public var name: String
  /// `integers` or `binary32`.
  public var arithmetic: String
  public var images: Int
  /// Images whose class is the best one; nil without labels.
  public var top1: Int?
  /// Images whose class is among the five best ones; nil without labels.
  public var top5: Int?
  /// Images for which the reference has the same best class; nil without a reference.
  public var agreement: Int?
}

/// Evaluates classifiers on the same images, side by side.
///
/// `labels` holds the class of each image, or is nil; `reference` is the position of the classifier
/// that the others are compared with, or nil. Images are spread over `threads` threads; every result
/// is the same for any number of them. `progress` hears of each image that is done, from any thread.
///
/// Throws when an image cannot be read or does not fit a network's input (`resize` scales it).
public func evaluate(
  _ classifiers: [Classifier], images: ImageSet, labels: [Int]?, reference: Int? = nil,
  resize: Bool = false, threads: Int, progress: @Sendable (_ images: Int) -> Void = { _ in }
) throws(Diagnostics) -> [Evaluation] {
  precondition(labels.map { $0.count == images.count } ?? true, "every image has a label")
  precondition(reference.map(classifiers.indices.contains) ?? true, "the reference is evaluated")
  let rankings = try inParallel(images.count, threads: threads) {
    index throws(Diagnostics) -> [[Int]] in
    defer { progress(images.count) }
    var rankings: [[Int]] = []
    for classifier in classifiers {
      let samples = try images.samples(index, for: classifier.inputShape, resize: resize)
      do throws(Diagnostics) {
        rankings.append(try classifier.ranking(samples: samples, count: 5))
      } catch {
        throw error.inFile(classifier.name)
      }
    }
    return rankings
  }
  return classifiers.indices.map { place in
    func count(_ isHit: (_ image: Int) -> Bool) -> Int { rankings.indices.count(where: isHit) }
    return Evaluation(
      name: classifiers[place].name,
      arithmetic: classifiers[place].isQuantized ? "integers" : "binary32", images: images.count,
      top1: labels.map { labels in count { rankings[$0][place][0] == labels[$0] } },
      top5: labels.map { labels in count { rankings[$0][place].contains(labels[$0]) } },
      agreement: reference.map { reference in
        count { rankings[$0][place][0] == rankings[$0][reference][0] }
      })
  }
}
