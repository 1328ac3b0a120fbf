/// What is between the stages of a design in the cycle model: forks, joins and skip FIFOs, by the
/// equations of `df_fork`, `df_join` and `df_skip_fifo`. All of it depends on registers only, as they are
/// at the begin of a cycle.
struct StreamConnections {
  /// A skip FIFO: the cycles from which its words can leave, in order.
  private struct Skip {
    let stage: Int
    let input: Int
    let depth: Int
    var words: [Int]
    var head = 0
    var count = 0

    init(stage: Int, input: Int, depth: Int) {
      self.stage = stage
      self.input = input
      self.depth = depth
      words = Array(repeating: 0, count: depth)
    }
  }

  /// A reader of a stream: a skip FIFO, or a stage.
  private enum Reader {
    case skip(Int)
    case stage(Int)
  }

  /// Where a stage's pixels come from: a skip FIFO, or a stream, as one of its readers.
  private enum Origin {
    case skip(Int)
    case stream(Int, reader: Int)
  }

  private var skips: [Skip] = []
  /// By stream, the input first.
  private var readers: [[Reader]]
  /// By stage and input.
  private var origins: [[Origin]]
  /// Where nothing forks or joins: by stage the stream that it alone reads, by stream the stage that
  /// alone reads it and nothing else; -1 elsewhere.
  private var onlyOrigin: [Int]
  private var onlyReader: [Int]

  // Of this cycle, by stream: a pixel is there; readers that cannot take it, and the last of them.
  private var isValid: [Bool]
  private var missing: [Int]
  private var lastMissing: [Int]
  // By stage and by skip FIFO.
  private var stageIsReady: [Bool]
  private var skipHasHead: [Bool]
  private var skipIsReady: [Bool]

  init(_ timing: StreamTiming) {
    let count = timing.stages.count
    readers = Array(repeating: [], count: count + 1)
    origins = []
    for stage in 0..<count {
      var from: [Origin] = []
      for (index, input) in timing.inputs[stage].enumerated() {
        let stream = (input.stage ?? -1) + 1
        if input.skipDepth > 0 {
          readers[stream].append(.skip(skips.count))
          from.append(.skip(skips.count))
          skips.append(Skip(stage: stage, input: index, depth: input.skipDepth))
        } else {
          from.append(.stream(stream, reader: readers[stream].count))
          readers[stream].append(.stage(stage))
        }
      }
      origins.append(from)
    }
    onlyOrigin = Array(repeating: -1, count: count)
    onlyReader = Array(repeating: -1, count: count + 1)
    for stage in 0..<count {
      guard origins[stage].count == 1, case .stream(let stream, _) = origins[stage][0],
        readers[stream].count == 1
      else { continue }
      onlyOrigin[stage] = stream
      onlyReader[stream] = stage
    }
    isValid = Array(repeating: false, count: count + 1)
    missing = Array(repeating: 0, count: count + 1)
    lastMissing = missing
    stageIsReady = Array(repeating: false, count: count)
    skipHasHead = Array(repeating: false, count: skips.count)
    skipIsReady = skipHasHead
  }

  mutating func reset() {
    for index in skips.indices {
      skips[index].head = 0
      skips[index].count = 0
    }
  }

  /// Reads the registers at the begin of a cycle.
  mutating func look(_ cycle: Int, _ stages: [StageState]) {
    for index in skips.indices {
      let skip = skips[index]
      skipHasHead[index] = skip.count > 0 && skip.words[skip.head] <= cycle
      skipIsReady[index] = skip.count < skip.depth
    }
    for stage in stages.indices {
      isValid[stage + 1] = stages[stage].hasHead(cycle)
      stageIsReady[stage] = stages[stage].isReady
    }
    for stream in readers.indices {
      if onlyReader[stream] >= 0 {
        missing[stream] = stageIsReady[onlyReader[stream]] ? 0 : 1
        lastMissing[stream] = 0
        continue
      }
      missing[stream] = 0
      for (index, reader) in readers[stream].enumerated() where !isReady(reader, stream) {
        missing[stream] += 1
        lastMissing[stream] = index
      }
    }
  }

  /// A join takes a pixel when its other inputs have one.
  private func isReady(_ reader: Reader, _ stream: Int) -> Bool {
    switch reader {
    case .skip(let skip): return skipIsReady[skip]
    case .stage(let stage):
      guard stageIsReady[stage] else { return false }
      return origins[stage].allSatisfy { origin in
        switch origin {
        case .skip(let skip): skipHasHead[skip]
        // Only a stream that no other stage reads goes into a join without a FIFO.
        case .stream(let other, _): other == stream || isValid[other]
        }
      }
    }
  }

  /// Whether all readers of the design's input can take a pixel.
  var inputIsReady: Bool { missing[0] == 0 }
  /// The design's input has a pixel or not.
  mutating func offer(_ pixel: Bool) { isValid[0] = pixel }
  /// Whether a stage's FIFO has a word, and whether its readers take it.
  func hasHead(_ stage: Int) -> Bool { isValid[stage + 1] }
  func isTaken(_ stage: Int) -> Bool { isValid[stage + 1] && missing[stage + 1] == 0 }

  /// `in_valid` of a stage.
  func inValid(_ stage: Int) -> Bool {
    if onlyOrigin[stage] >= 0 { return isValid[onlyOrigin[stage]] }
    return origins[stage].allSatisfy { origin in
      switch origin {
      case .skip(let skip): skipHasHead[skip]
      case .stream(let stream, let reader): isOffered(stream, to: reader)
      }
    }
  }

  /// A reader sees a pixel when all others can take it.
  private func isOffered(_ stream: Int, to reader: Int) -> Bool {
    guard isValid[stream] else { return false }
    return missing[stream] == 0 || (missing[stream] == 1 && lastMissing[stream] == reader)
  }

  /// Moves the skip FIFOs' words; true when one moved.
  mutating func advance(_ cycle: Int) -> Bool {
    if skips.isEmpty { return false }
    var moves = false
    for stream in readers.indices where isValid[stream] && missing[stream] == 0 {
      for case .skip(let index) in readers[stream] {
        let skip = skips[index]
        skips[index].words[(skip.head + skip.count) % skip.depth] =
          cycle + StageInput.skipLatency
        skips[index].count += 1
        moves = true
      }
    }
    for index in skips.indices where skipHasHead[index] {
      let skip = skips[index]
      guard stageIsReady[skip.stage], inValid(skip.stage) else { continue }
      skips[index].head = skip.head + 1 == skip.depth ? 0 : skip.head + 1
      skips[index].count -= 1
      moves = true
    }
    return moves
  }

  /// Words are in some skip FIFO.
  var holdsPixels: Bool { skips.contains { $0.count > 0 } }

  func record(_ occupancy: inout [[Int]]) {
    for skip in skips {
      occupancy[skip.stage][skip.input] = max(occupancy[skip.stage][skip.input], skip.count)
    }
  }
}
