import Foundation
import NeuralGraph
import Simulation
import Testing

@Suite struct ProgramTests {
  private let sleep = Program(path: "/bin/sleep", name: "sleep")

  @Test("a program that does not end is ended and named")
  func hung() async throws {
    let start = ContinuousClock.now
    let error = await #expect(throws: Diagnostics.self) {
      try await sleep.run(["1000"], in: "/tmp", timeout: .milliseconds(300))
    }
    #expect(error?.description.contains("sleep did not end within 1 seconds") == true)
    #expect(ContinuousClock.now - start < .seconds(900))
  }

  @Test("a program that does not end when it is told to is killed")
  func stubborn() async throws {
    let shell = Program(path: "/bin/sh", name: "sh")
    let error = await #expect(throws: Diagnostics.self) {
      try await shell.run(
        ["-c", "trap '' TERM; while :; do sleep 1; done"], in: "/tmp", timeout: .seconds(1))
    }
    #expect(error?.description.contains("sh did not end within 1 seconds") == true)
  }

  @Test("a program that ends in time is none that hangs, however late its end is noticed")
  func busy() async throws {
    // Every thread of the pool is busy for longer than the program may take.
    async let outcome = sleep.run(["0.2"], in: "/tmp", timeout: .seconds(1))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 * ProcessInfo.processInfo.activeProcessorCount {
        group.addTask { usleep(1_000_000) }
      }
    }
    #expect(try await outcome.succeeded)
  }

  @Test("a program that fails as timeout does, but at once, has failed and not hung")
  func sameCode() async throws {
    let shell = Program(path: "/bin/sh", name: "sh")
    for code in [124, 125, 126, 127, 137] {
      let outcome = try await shell.run(["-c", "exit \(code)"], in: "/tmp", timeout: .seconds(60))
      #expect(!outcome.succeeded)
    }
  }

  @Test("a program that is not there is named")
  func missing() async throws {
    let error = await #expect(throws: Diagnostics.self) {
      try await Program(path: "/nowhere/at/all", name: "tool")
        .run([], in: "/tmp", timeout: .seconds(60))
    }
    #expect(error?.description.contains("tool is not at /nowhere/at/all") == true)
  }
}
