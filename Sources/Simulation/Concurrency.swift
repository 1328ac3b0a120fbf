import NeuralGraph

/// Runs `body` for each element, `jobs` at once; results in order. The first that throws ends the others.
package func mapConcurrently<Element: Sendable, Result: Sendable>(
  _ elements: [Element], jobs: Int,
  _ body: @escaping @Sendable (Element) async throws(Diagnostics) -> Result
) async throws(Diagnostics) -> [Result] {
  do {
    return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
      var results = [Result?](repeating: nil, count: elements.count)
      var next = 0
      func start() {
        guard next < elements.count else { return }
        let index = next
        let element = elements[index]
        next += 1
        group.addTask { (index, try await body(element)) }
      }
      for _ in 0..<max(1, jobs) { start() }
      while let (index, result) = try await group.next() {
        results[index] = result
        start()
      }
      return results.map { $0! }
    }
  } catch let error as Diagnostics {
    throw error
  } catch {
    throw Diagnostics(Diagnostic("the work was interrupted: \(error)"))
  }
}
