import Foundation
import TensorFiles
import Testing

@Suite("deepfreeze adders")
struct AddersCommandTests {
  private struct Figures: Decodable {
    struct Depth: Decodable { var limit: Int, adders: Int, depth: Int }
    var adders: Int
    var unsharedAdders: Int
    var depth: Int
    var minimumDepth: Int
    var adderBits: Int
    var floor: Int?
    var seconds: Double
    var peakMemoryBytes: Int
    var depths: [Depth]?
  }

  /// Writes an array of int32 and runs the command on it.
  private func run(_ shape: [Int], _ values: [Int32], _ options: String...) throws
    -> CommandLineTool.Result
  {
    let bytes = values.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) }
    return try run(NPYArray(shape: shape, element: .int32, bytes: bytes).fileBytes, options)
  }

  private func run(_ file: [UInt8], _ options: [String] = []) throws -> CommandLineTool.Result {
    let folder = try TemporaryFolder()
    let path = try folder.write(file, "matrix.npy")
    return try CommandLineTool.run(arguments: ["adders", path] + options)
  }

  private func figures(_ result: CommandLineTool.Result) throws -> Figures {
    #expect(result.status == 0)
    return try JSONDecoder().decode(Figures.self, from: Data(result.output.utf8))
  }

  @Test("The figures of a matrix are printed as JSON") func json() throws {
    let result = try figures(run([3, 2], [5, 10, 7, -3, 0, 12], "--json", "--effort", "1"))
    #expect(result.adders == 6)
    #expect(result.unsharedAdders == 8)
    #expect(result.depth >= 3)
    #expect(result.minimumDepth == 3)
    #expect(result.adderBits > 40)
    #expect(result.peakMemoryBytes > 1 << 20)
    #expect(result.floor == nil)
  }

  @Test("Filters that share nothing are printed with their floor") func floor() throws {
    // 3 and 5 are one adder each; 11 is made from 3.
    let values: [Int32] = [3, 11, 5, 3, 1, 1]
    let result = try figures(run([3, 2], values, "--json", "--separate-outputs"))
    #expect(result.floor == 4 + 4)
    #expect(result.adders == 8)
    #expect(try run([3, 2], values, "--separate-outputs").output.contains("floor of any adders"))
  }

  @Test("A limit of depth is kept, and what limits cost is shown") func depths() throws {
    let values = (0..<64).map { Int32($0 * 37 % 255 - 127) }
    let result = try figures(
      run([8, 8], values, "--json", "--max-depth", "5", "--depths", "--effort", "1"))
    #expect(result.minimumDepth == 5)
    #expect(result.depth == 5)
    let depths = try #require(result.depths)
    #expect(depths.map(\.limit) == [5, 6, 7])
    #expect(depths.allSatisfy { $0.depth <= $0.limit })
    #expect(depths[0].adders == result.adders)
  }

  @Test("A limit below the fewest levels is an error that names them") func shallow() throws {
    let result = try run([3, 1], [1, 1, 1], "--max-depth", "1")
    #expect(result.status == 2)
    #expect(result.errors.contains("takes 2 adder levels at least, more than 1"))
  }

  @Test("Fractions are no weights") func fractions() throws {
    let values: [Float] = [1, 2, 0.5, 4]
    let bytes = values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    let result = try run(NPYArray(shape: [2, 2], element: .float32, bytes: bytes).fileBytes)
    #expect(result.status == 2)
    #expect(result.errors.contains("element 2 is no integer"))
  }

  @Test("NaN is no weight") func notANumber() throws {
    let values: [Double] = [1, .nan, 3, 4]
    let bytes = values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    let result = try run(NPYArray(shape: [2, 2], element: .float64, bytes: bytes).fileBytes)
    #expect(result.status == 2)
    #expect(result.errors.contains("element 1 is no integer"))
  }

  @Test("Weights past 32 bits are refused") func wide() throws {
    let bytes = [1, Int64(1) << 31].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
    let result = try run(NPYArray(shape: [1, 2], element: .int64, bytes: bytes).fileBytes)
    #expect(result.status == 2)
    #expect(result.errors.contains("weight 1 is 2147483648, which does not fit 32 bits"))
  }

  @Test("Only two dimensions are a matrix") func rank() throws {
    let result = try run([2, 2, 1], [1, 2, 3, 4])
    #expect(result.status == 2)
    #expect(result.errors.contains("the array has 3 dimensions; a matrix has 2"))
  }

  @Test("An empty matrix is refused") func empty() throws {
    let result = try run([0, 4], [])
    #expect(result.status == 2)
    #expect(result.errors.contains("is empty"))
  }

  @Test("Weights of all 32 bits are multiplied by") func extremes() throws {
    let result = try figures(run([2, 2], [.min, .max, -1, 1], "--json", "--effort", "1"))
    // -2^31 x - y is the negative of 2^31 x + y, from which the other output takes x away.
    #expect(result.adders == 2)
  }
}
