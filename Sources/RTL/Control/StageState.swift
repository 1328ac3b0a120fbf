import NeuralGraph

/// The registers of one stage's control and the words in its pipeline and FIFO, by the equations of
/// `df_window_control`. A whole-frame accumulator is the window that covers its map: D = H W - 1,
/// one output, no flush; serial sums are one that after each pixel is busy for some clocks.
struct StageState {
  // Geometry.
  private let pixels: Int
  private let delay: Int
  private let flushSteps: Int
  private let lastRow: Int
  private let lastColumn: Int
  private let strideY: Int
  private let strideX: Int
  private let lastOutputRow: Int
  private let lastOutputColumn: Int
  private let latency: Int
  private let depth: Int
  private let cyclesPerStep: Int
  let frontLatency: Int

  // Input: pixels of the frame that is received, bubbles still owed to the frame before.
  private var position = 0
  private var flushLeft = 0
  // Start queue: the numbers of the steps after which the waiting frames' anchors start.
  private var steps = 0
  private var starts: [Int] = []
  // Anchor of the next step, and whether that step emits.
  private var active = false
  private var row = 0
  private var column = 0
  private var rowPhase = 0
  private var columnPhase = 0
  private var emits = false
  private var credits = 0
  /// Cycles, this one included, that a pixel of serial sums still takes.
  private var busy = 0
  /// The anchor's frame, and the raster index of its next output.
  private(set) var frame = 0
  private(set) var index = 0

  // The cycles from which the words in the pipeline and the FIFO can be the head: a ring.
  private var words: [Int]
  private var head = 0
  private(set) var wordCount = 0

  init(_ timing: StageTiming) {
    let geometry = timing.geometry
    pixels = timing.inputPixels
    delay = WindowTiming.delay(geometry)
    flushSteps = max(0, geometry.padBottom * geometry.inputWidth + geometry.padRight)
    lastRow = geometry.inputHeight - 1
    lastColumn = geometry.inputWidth - 1
    strideY = geometry.strideY
    strideX = geometry.strideX
    lastOutputRow = (geometry.outputHeight - 1) * geometry.strideY
    lastOutputColumn = (geometry.outputWidth - 1) * geometry.strideX
    latency = timing.latency
    depth = timing.fifoDepth
    cyclesPerStep = timing.cyclesPerStep
    frontLatency = timing.frontLatency
    words = Array(repeating: 0, count: timing.fifoDepth)
    reset(nextFrame: 0)
  }

  /// Reset; the next frame that comes has the number `nextFrame`.
  mutating func reset(nextFrame: Int) {
    position = 0
    flushLeft = 0
    steps = 0
    starts.removeAll()
    // Without a delay the anchor is the received pixel and always active.
    active = delay == 0
    frame = delay == 0 ? nextFrame : nextFrame - 1
    index = 0
    row = 0
    column = 0
    rowPhase = 0
    columnPhase = 0
    emits = active
    credits = depth
    busy = 0
    head = 0
    wordCount = 0
  }

  /// `in_ready`: a register's value, as of the begin of the cycle.
  var isReady: Bool { busy <= 1 && (!emits || credits > 0) }

  /// `out_valid` of the FIFO.
  func hasHead(_ cycle: Int) -> Bool { wordCount > 0 && words[head] <= cycle }

  /// Words in the FIFO, the head included.
  func fifoOccupancy(_ cycle: Int) -> Int {
    var count = 0
    while count < wordCount && words[(head + count) % depth] <= cycle { count += 1 }
    return count
  }

  /// The FIFO's head leaves.
  mutating func pop() {
    head = head + 1 == depth ? 0 : head + 1
    wordCount -= 1
  }

  struct Step {
    var accepts = false
    var moves = false
    var emission: (frame: Int, index: Int)?
  }

  /// One cycle. `creditReturn`: the FIFO's head leaves in it (`pop` is the caller's).
  mutating func advance(_ cycle: Int, inValid: Bool, creditReturn: Bool) -> Step {
    var step = Step()
    if isReady {
      step.accepts = inValid
      step.moves = inValid || (position == 0 && flushLeft > 0)
    }
    if step.moves {
      if emits {
        step.emission = (frame, index)
        index += 1
        credits -= 1
        var tail = head + wordCount
        if tail >= depth { tail -= depth }
        words[tail] = cycle + latency
        wordCount += 1
      }
      move(pixel: step.accepts)
    }
    if step.moves {
      busy = cyclesPerStep > 1 ? cyclesPerStep : 0
    } else if busy > 0 {
      busy -= 1
    }
    if creditReturn { credits += 1 }
    return step
  }

  /// The registers' next values after a step.
  private mutating func move(pixel: Bool) {
    if flushLeft > 0 { flushLeft -= 1 }
    if pixel {
      // The anchor starts with the step `delay` after this one, so after the step delay - 1 after it.
      if position == 0 && delay > 0 { starts.append(steps + delay - 1) }
      position += 1
      if position == pixels {
        position = 0
        flushLeft = flushSteps
      }
    }
    if let start = starts.first, start == steps {
      starts.removeFirst()
      active = true
      frame += 1
      index = 0
      row = 0
      column = 0
      rowPhase = 0
      columnPhase = 0
      emits = true
    } else if active {
      advanceAnchor()
    }
    steps += 1
  }

  private mutating func advanceAnchor() {
    if column < lastColumn {
      column += 1
      columnPhase = columnPhase + 1 == strideX ? 0 : columnPhase + 1
    } else {
      column = 0
      columnPhase = 0
      if row < lastRow {
        row += 1
        rowPhase = rowPhase + 1 == strideY ? 0 : rowPhase + 1
      } else {
        row = 0
        rowPhase = 0
        if delay == 0 {
          frame += 1
          index = 0
        } else {
          active = false
        }
      }
    }
    emits =
      active && rowPhase == 0 && columnPhase == 0 && row <= lastOutputRow
      && column <= lastOutputColumn
  }
}
