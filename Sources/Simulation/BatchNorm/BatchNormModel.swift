import NeuralGraph
import RTL

/// What the registers of adaptive batch norm must do: replays the accesses of a simulation, with the
/// cycles of frames from the cycle model, and says what each must have been answered and which values
/// each frame has.
///
/// An access takes effect in the cycle before its answer. A commit is taken by the first frame whose
/// first pixel is accepted in the cycle of its answer or later; until that frame has passed the last
/// stage with adaptive layers nothing can be written.
struct BatchNormModel {
  private let map: RegisterMap
  private let frameStarts: [(cycle: Int, frame: Int, user: UInt64)]
  /// By frame: the cycle in which the last stage swaps, if the frame takes a commit.
  private let swapCycles: [Int]
  private let resets: [Range<Int>]
  private let trained: [[Words]]

  private var shadow: [[Words]]
  private var active: [[Words]]
  private var isPending = false
  /// The last cycle in which a frame that took a commit is on its way.
  private var swapsUntil = -1
  private var commits: UInt32 = 0
  private var commitUser: UInt64 = 0
  private var nextFrame = 0
  private var nextReset = 0
  /// By frame.
  private(set) var values: [BatchNormValues] = []
  private(set) var problems: [String] = []
  private(set) var checked = 0
  /// Frames that took a commit.
  private(set) var changes = 0

  /// The row of the comparison.
  static let rowName = "batch norm registers"

  /// A channel's registers as the bus sees them.
  private struct Words: Hashable {
    var words: [UInt32]

    init(_ values: AdaptiveLayer.Values) {
      words = [
        UInt32(bitPattern: Int32(values.bias)), UInt32(values.multiplier.multiplier),
        UInt32(-values.multiplier.exponent),
      ]
    }

    var values: AdaptiveLayer.Values {
      .init(
        bias: Int(Int32(bitPattern: words[0])),
        multiplier: FixedPointMultiplier(multiplier: Int(words[1]), exponent: -Int(words[2])))
    }
  }

  init(
    _ design: DesignDescription, _ graph: QuantizedGraph, _ trace: CycleTrace, _ stimulus: Stimulus
  ) {
    let map = design.registerMap!
    self.map = map
    resets = stimulus.mergedResets.filter { !$0.isEmpty }
    frameStarts = trace.frames.enumerated().map {
      (trace.inputs[$0.element.firstBeat], $0.offset, $0.element.user)
    }
    swapCycles = trace.frames.indices.map { frame in
      zip(design.stages, trace.windows).compactMap { stage, windows -> Int? in
        guard let rank = stage.swapRank else { return nil }
        return windows.first { $0.frame == frame && $0.index == 0 }.map { $0.cycle + rank - 1 }
          ?? .max
      }.max() ?? -1
    }
    trained = BatchNormValues(trained: map, graph).layers.map { $0.map(Words.init) }
    shadow = trained
    active = trained
  }

  /// Replays all answers and frames.
  mutating func run(_ answers: [BatchNormAnswer]) {
    for answer in answers {
      let cycle = answer.cycle - 1
      advance(to: cycle)
      checked += 1
      if answer.isWrite { write(answer, cycle) } else { read(answer, cycle) }
    }
    advance(to: .max)
  }

  private func isBusy(_ cycle: Int) -> Bool { isPending || cycle <= swapsUntil }

  /// Frames that began and resets that came before `cycle`.
  private mutating func advance(to cycle: Int) {
    while true {
      let frame = nextFrame < frameStarts.count ? frameStarts[nextFrame].cycle : .max
      let reset = nextReset < resets.count ? resets[nextReset].lowerBound : .max
      guard min(frame, reset) < cycle else { return }
      if reset <= frame {
        nextReset += 1
        (shadow, active) = (trained, trained)
        (isPending, swapsUntil, commits, commitUser) = (false, -1, 0, 0)
        continue
      }
      if isPending {
        isPending = false
        active = shadow
        swapsUntil = swapCycles[nextFrame]
        commits &+= 1
        changes += 1
        commitUser = frameStarts[nextFrame].user
      }
      var values = BatchNormValues(empty: ())
      values.layers = active.map { $0.map(\.values) }
      self.values.append(values)
      nextFrame += 1
    }
  }

  private struct Place {
    var isActive: Bool
    var layer: Int
    var channel: Int
    var field: Int
  }

  /// The register at an address; nil for the control page and where none is.
  private func place(_ address: Int) -> Place? {
    let isActive = address >= map.activeOffset
    let offset = isActive ? address - map.activeOffset : address
    guard address % 4 == 0,
      let layer = map.layers.firstIndex(where: {
        ($0.address..<$0.address + $0.channels * map.channelStride).contains(offset)
      })
    else { return nil }
    let rest = offset - map.layers[layer].address
    let field = rest % map.channelStride / 4
    guard field < 3 else { return nil }
    return Place(
      isActive: isActive, layer: layer, channel: rest / map.channelStride, field: field)
  }

  private func merged(_ answer: BatchNormAnswer, into word: UInt32) -> UInt32 {
    (0..<4).reduce(0) { result, byte in
      let mask = UInt32(255) << UInt32(8 * byte)
      return result | ((answer.strobes >> byte) & 1 == 1 ? answer.data : word) & mask
    }
  }

  private static func isLegal(_ word: UInt32, _ field: Int, _ registers: Adaptation) -> Bool {
    switch field {
    case 0: registers.biases.contains(Int(Int32(bitPattern: word)))
    case 1: registers.holds(FixedPointMultiplier(multiplier: Int(word), exponent: 0))
    default: word < 32
    }
  }

  private mutating func write(_ answer: BatchNormAnswer, _ cycle: Int) {
    var isTaken = false
    if isBusy(cycle) {
    } else if answer.address == RegisterMap.Control.commit.rawValue {
      let word = merged(answer, into: 0)
      isTaken = word <= 1
      if word == 1 {
        // A frame that begins in this very cycle does not see it yet.
        advance(to: cycle + 1)
        isPending = true
      }
    } else if let place = place(answer.address), !place.isActive {
      let word = merged(answer, into: shadow[place.layer][place.channel].words[place.field])
      isTaken = Self.isLegal(word, place.field, map.layers[place.layer].adaptation)
      if isTaken { shadow[place.layer][place.channel].words[place.field] = word }
    }
    check(answer, isTaken ? 0 : 2, nil)
  }

  private mutating func read(_ answer: BatchNormAnswer, _ cycle: Int) {
    if let place = place(answer.address) {
      // Banks are read a cycle before the answer is made.
      if place.isActive {
        let isMoving = cycle - 1 <= swapsUntil
        check(answer, 0, isMoving ? nil : active[place.layer][place.channel].words[place.field])
      } else {
        check(answer, 0, shadow[place.layer][place.channel].words[place.field])
      }
      return
    }
    guard answer.address % 4 == 0, let register = RegisterMap.Control(rawValue: answer.address)
    else {
      check(answer, 2, 0)
      return
    }
    let word: UInt32 =
      switch register {
      case .id: RegisterMap.idValue
      case .version: RegisterMap.versionValue
      case .design: map.designID
      case .commit: 0
      case .status: (isPending ? 1 : 0) | (!isPending && cycle <= swapsUntil ? 2 : 0)
      case .commits: commits
      case .frame: UInt32(truncatingIfNeeded: commitUser)
      case .layers: UInt32(map.layers.count)
      }
    check(answer, 0, word)
  }

  private mutating func check(_ answer: BatchNormAnswer, _ response: Int, _ data: UInt32?) {
    let what =
      "cycle \(answer.cycle): the \(answer.isWrite ? "write to" : "read of") 0x"
      + String(answer.address, radix: 16)
    if answer.response != response, problems.count < 4 {
      problems.append("\(what) was answered with \(answer.response), expected \(response)")
    } else if let data, !answer.isWrite, answer.data != data, problems.count < 4 {
      problems.append("\(what) gave \(answer.data), expected \(data)")
    }
  }
}

extension BatchNormValues {
  fileprivate init(empty: Void) { layers = [] }
}
