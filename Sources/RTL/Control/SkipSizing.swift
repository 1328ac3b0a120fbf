import NeuralGraph

/// How deep the FIFOs in front of a join must be.
///
/// A join takes a pixel of every input at a time. All its inputs come from one fork, the last stream
/// that everything on the way to the join goes through; a pixel of the fork is taken by all its readers
/// in one cycle, so both ways have had the same n of them. Of these n, one way has brought at least
/// `fewest(n)` pixels to the join, whatever bubbles came in between, and the other has brought at most
/// `most(n)`: those in between wait. If they do not fit, the fork waits for the join and the join for the
/// fork.
///
/// Counts are in pixels of whole frames one behind the other, so that a frame's end, which moves with
/// the next frame's pixels, is in them.
struct Reconvergence {
  let stream: StreamTiming
  /// The stage that joins, and the stream that forks; nil for the design's input.
  let join: Int
  let fork: Int?

  init(_ stream: StreamTiming, join: Int) {
    self.stream = stream
    self.join = join
    fork = Self.dominator(stream, of: join)
  }

  /// The nearest stream that every way from the input to a stage goes through.
  private static func dominator(_ stream: StreamTiming, of stage: Int) -> Int? {
    // By stage: its own dominator; the input has the index -1 and none.
    var above: [Int] = []
    for index in 0...stage {
      above.append(
        stream.inputs[index].map { $0.stage ?? -1 }.reduce(into: nil as Int?) { common, source in
          guard var a = common else {
            common = source
            return
          }
          var b = source
          // Of two streams the later one cannot dominate the earlier.
          while a != b { if a > b { a = above[a] } else { b = above[b] } }
          common = a
        } ?? -1)
    }
    return above[stage] < 0 ? nil : above[stage]
  }

  /// The stages between the fork and a stream, that stream's own the last, in topological order.
  private func stages(before source: Int?) -> [Int] {
    guard let source, source != fork else { return [] }
    let first = (fork ?? -1) + 1
    var isNeeded = [Bool](repeating: false, count: source - first + 1)
    isNeeded[source - first] = true
    for stage in stride(from: source, through: first, by: -1) where isNeeded[stage - first] {
      for input in stream.inputs[stage] where input.stage != fork {
        isNeeded[input.stage! - first] = true
      }
    }
    return (first...source).filter { isNeeded[$0 - first] }
  }

  /// The pixels of a stream when the fork has given n; `stages` are those before it, `outputs` says how
  /// many a stage makes of its slowest input's. `found` is for working in, one entry a stage.
  private func pixels(
    _ stages: [Int], after n: Int, _ found: inout [Int], _ outputs: (StageTiming, Int) -> Int
  ) -> Int {
    for stage in stages {
      var least = Int.max
      for input in stream.inputs[stage] {
        least = min(least, input.stage == fork ? n : found[input.stage!])
      }
      found[stage] = outputs(stream.stages[stage], least)
    }
    return stages.last.map { found[$0] } ?? n
  }

  /// Cycles from a pixel of the fork to the handshake of an output that it brings about: the most and
  /// the least over all ways when nothing waits.
  func longestLatency(_ input: StageInput) -> Int {
    latency(input.stage) { $0.max()! } + (input.skipDepth > 0 ? StageInput.skipLatency : 0)
  }
  func shortestLatency(_ source: Int?) -> Int { latency(source) { $0.min()! } }

  private func latency(_ source: Int?, _ choose: ([Int]) -> Int) -> Int {
    var found = [Int](repeating: 0, count: stream.stages.count)
    let stages = stages(before: source)
    for stage in stages {
      let before = stream.inputs[stage].map { input in
        (input.stage == fork ? 0 : found[input.stage!])
          + (input.skipDepth > 0 ? StageInput.skipLatency : 0)
      }
      found[stage] = stream.stages[stage].latency + choose(before)
    }
    return stages.last.map { found[$0] } ?? 0
  }

  /// The largest `most(n + lead) - fewest(n)` of two inputs, over all n: how many pixels of the first wait
  /// for the second when the first has had `lead` more pixels of the fork.
  ///
  /// `fewest`: the least pixels of a stream that have come when the fork has given n and nothing waits but
  /// for pixels: windows move with pixels alone. `most`: every frame's end is flushed by bubbles before the
  /// next frame begins. Nil when it would take too long to find out. Cost: the pixels of the frames under
  /// way at once, times the stages of both ways.
  func mostWaiting(_ early: StageInput, for late: StageInput, lead: Int) -> Int? {
    let frame = fork.map { stream.stages[$0].outputPixels } ?? stream.inputPixels
    let outputs = stream.stages[join].inputPixels
    let (before, behind) = (stages(before: early.stage), stages(before: late.stage))
    var found = [Int](repeating: 0, count: stream.stages.count)
    func fewest(_ n: Int) -> Int {
      pixels(behind, after: n, &found) { $0.outputs(ofPixels: $1) }
    }
    func most(_ n: Int) -> Int {
      pixels(before, after: n, &found) { $0.flushedOutputs(ofPixels: $1) }
    }
    let cost = before.count + behind.count + 1
    let limit = stream.searchLimit
    var begun = 1
    while fewest(begun * frame) < outputs {
      begun += 1
      if begun * frame * cost > limit { return nil }
    }
    // From there on frames repeat.
    let end = (begun + 1) * frame
    guard end * cost <= limit else { return nil }
    var largest = 0
    for n in 0...end { largest = max(largest, most(n + lead) - fewest(n)) }
    return largest
  }
}

extension StreamTiming {
  /// Steps of one search for a skip FIFO's depth: 2^28, or less in a design of so many pairs of joined
  /// streams that all of them would take more than 2^30.
  fileprivate var searchLimit: Int {
    let pairs = inputs.reduce(0) { $0 + $1.count * ($1.count - 1) }
    return min(1 << 28, (1 << 30) / max(1, pairs))
  }
}

extension StageInput {
  /// Cycles from a pixel's handshake into a skip FIFO to the earliest out of it.
  static let skipLatency = 2
}

extension StageTiming {
  /// Outputs of the first n steps, pixels of frames one behind the other, without a bubble.
  func outputs(ofPixels n: Int) -> Int {
    let steps = n - WindowTiming.delay(geometry)
    guard steps > 0 else { return 0 }
    let (frames, rest) = steps.quotientAndRemainder(dividingBy: inputPixels)
    return frames * outputPixels + outputs(before: rest)
  }

  /// Outputs of n pixels when bubbles have flushed every whole frame among them.
  func flushedOutputs(ofPixels n: Int) -> Int {
    let (frames, rest) = n.quotientAndRemainder(dividingBy: inputPixels)
    return frames * outputPixels + outputs(before: rest - WindowTiming.delay(geometry))
  }

  /// Outputs of one frame whose anchors are among the first n of its pixels.
  private func outputs(before n: Int) -> Int {
    guard n > 0 else { return 0 }
    let geometry = self.geometry
    let (row, column) = (n - 1).quotientAndRemainder(dividingBy: inputWidth)
    let whole = min(outputHeight, (row + geometry.strideY - 1) / geometry.strideY) * outputWidth
    guard row % geometry.strideY == 0, row / geometry.strideY < outputHeight else { return whole }
    return whole + min(outputWidth, column / geometry.strideX + 1)
  }
}

extension StreamTiming {
  /// The joins: stages with several inputs.
  var joins: [Int] { stages.indices.filter { inputs[$0].count > 1 } }

  /// The least words that keep a join's input from stopping the fork for ever, and those that there are:
  /// its skip FIFO's, and those of the stage before it if nobody else reads that. `needed` is nil for
  /// frames too large to say.
  public struct SkipCapacity: Hashable, Sendable {
    public var join: Int
    public var input: Int
    public var needed: Int?
    public var present: Int
    public var isEnough: Bool { needed.map { $0 <= present } ?? false }
  }

  /// Every join's every input. Under whatever stalls of the sink, gaps of the source and frames' ends,
  /// a stream in which each of them is enough comes to rest only for want of pixels: of the forks that
  /// stand still take the one that has come least far. The input of the join that stops it is full, so
  /// `most(n + 1)` is beyond its words; the join's other input has brought all of its `fewest(n)`, since
  /// no fork on its way has come less far; that is what `needed` excludes.
  public var skipCapacities: [SkipCapacity] {
    joins.flatMap { join in
      let region = Reconvergence(self, join: join)
      return inputs[join].indices.map { input in
        let early = inputs[join][input]
        var needed: Int? = 0
        for (other, late) in inputs[join].enumerated() where other != input {
          let words = region.mostWaiting(early, for: late, lead: 1)
          needed = needed.flatMap { least in words.map { max(least, $0) } }
        }
        let own = early.stage.map { readers(of: $0).count == 1 ? stages[$0].fifoDepth : 0 } ?? 0
        return SkipCapacity(
          join: join, input: input, needed: needed, present: early.skipDepth + own)
      }
    }
  }

  /// A diagnostic for every input of a join with too few words. `names` are the stages'.
  public func verifySkips(names: [String]) -> [Diagnostic] {
    skipCapacities.filter { !$0.isEnough }.map { capacity in
      let name = names.indices.contains(capacity.join) ? names[capacity.join] : ""
      guard let needed = capacity.needed else {
        return Diagnostic(
          "whether input \(capacity.input + 1) of the join '\(name)' can stop the stream for ever "
            + "takes too long to say: its frames have too many pixels", node: name,
          remedy: "use a smaller image")
      }
      return Diagnostic(
        "input \(capacity.input + 1) of the join '\(name)' has \(capacity.present) words in front of "
          + "it and needs \(needed), or the stream can stop for ever", node: name,
        remedy: "emit the design again")
    }
  }

  /// Words with which an input of a join never makes a stage wait while the join's output is taken,
  /// whatever the gaps. With a skip FIFO: its words. Without: those of the FIFO of the stage before.
  private func safeWords(_ region: Reconvergence, _ input: Int) -> Int {
    let early = inputs[region.join][input]
    let isSkip = early.skipDepth > 0
    let rates = StreamRates(self)
    var entry = region.shortestLatency(early.stage)
    if !isSkip, let stage = early.stage { entry -= stages[stage].latency }
    var words =
      isSkip ? rates.maximumPixels(of: early.stage, inCycles: StageInput.skipLatency + 1) : 0
    for (other, late) in inputs[region.join].enumerated() where other != input {
      // What has come by the time that the last pixel that it waits for is at the join.
      let cycles = max(0, region.longestLatency(late) + 1 - entry)
      // One at least: the pixel that may have to wait.
      let lead = max(1, rates.maximumPixels(of: region.fork, inCycles: cycles))
      guard let waiting = region.mostWaiting(early, for: late, lead: lead) else { return .max }
      words = max(words, waiting)
    }
    return words
  }

  /// The same stream with skip FIFOs where joins need them, as deep as they need to be; the stages' FIFOs
  /// are as they are.
  func withSafeSkips() -> StreamTiming {
    var result = self
    for join in joins {
      for input in inputs[join].indices {
        let isForked = readers(of: inputs[join][input].stage).count > 1
        result.inputs[join][input].skipDepth = isForked ? 1 : 0
      }
      let region = { Reconvergence(result, join: join) }
      // A skip FIFO delays its own input, which may make another one wait.
      var isSettled = false
      while !isSettled {
        isSettled = true
        for (index, input) in result.inputs[join].enumerated() where input.skipDepth == 0 {
          guard let stage = input.stage,
            result.safeWords(region(), index) > result.stages[stage].fifoDepth
          else { continue }
          result.inputs[join][index].skipDepth = 1
          isSettled = false
        }
      }
      for (index, input) in result.inputs[join].enumerated() where input.skipDepth > 0 {
        result.inputs[join][index].skipDepth = result.safeWords(region(), index)
      }
    }
    return result
  }

  /// The depths of the skip FIFOs that never delay the stream, by stage and input; 0 for none.
  public var safeSkipDepths: [[Int]] { withSafeSkips().inputs.map { $0.map(\.skipDepth) } }
}
