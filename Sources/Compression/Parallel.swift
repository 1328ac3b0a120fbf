import Dispatch
import Foundation
import NeuralGraph
import Synchronization

/// The results of `body` for 0 ..< count, computed on up to `threads` threads; the result does not
/// depend on their number. When some throw, the error of the lowest number is thrown.
func inParallel<Result: Sendable>(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws(Diagnostics) -> Result
) throws(Diagnostics) -> [Result] {
  let state = Mutex(Queue<Result>(results: Array(repeating: nil, count: count)))
  DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
    while true {
      // After a failure only what comes before it can still matter.
      let index = state.withLock { state -> Int? in
        guard state.next < min(count, state.failure?.index ?? count) else { return nil }
        defer { state.next += 1 }
        return state.next
      }
      guard let index else { return }
      do throws(Diagnostics) {
        let result = try body(index)
        state.withLock { $0.results[index] = result }
      } catch {
        state.withLock {
          if index < $0.failure?.index ?? .max { $0.failure = (index, error) }
        }
      }
    }
  }
  let (results, failure) = state.withLock { ($0.results, $0.failure) }
  if let failure { throw failure.error }
  return results.map { $0! }
}

private struct Queue<Result: Sendable>: Sendable {
  var next = 0
  var results: [Result?]
  var failure: (index: Int, error: Diagnostics)?
}
