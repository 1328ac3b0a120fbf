import ModelImport
import NeuralGraph
import Testing

@Suite("Listing of GraphDef") struct GraphDefListingTests {
  private func listing(_ build: (inout GraphDefWriter) -> Void) throws -> ModelListing {
    var file = GraphDefWriter()
    build(&file)
    return try listGraphDef(file.bytes, name: "test")
  }

  @Test("Layers are listed with shapes, weights and multiply-accumulates, constants are not")
  func layers() throws {
    let listing = try listing {
      $0.placeholder([1, 4, 4, 2])
      $0.constant("w", [3, 3, 2, 3], (0..<54).map { Float($0) })
      $0.node("read", "Identity", ["w"])
      $0.convolution("conv", "input", "read", stride: 2)
      $0.node("relu", "Relu", ["conv"])
    }
    #expect(listing.format == "TensorFlow GraphDef")
    #expect(listing.input == "float32 1x4x4x2")
    #expect(listing.entries.map(\.kind) == ["Conv2D", "Relu"])
    #expect(listing.entries[0].outputShape == [1, 2, 2, 3])
    #expect(listing.entries[0].weights == 54)
    #expect(listing.entries[0].zeroWeights == 1)
    #expect(listing.entries[0].multiplyAccumulates == 54 * 4)
    #expect(listing.entries.map(\.convolutionNumber) == [1, nil])
    #expect(listing.diagnostics == [])
  }

  @Test("An unsupported operator is marked, and so is what reads it; nothing is thrown")
  func unsupported() throws {
    let listing = try listing {
      $0.placeholder([1, 4, 4, 2])
      $0.node("odd", "Selu", ["input"])
      $0.node("relu", "Relu", ["odd"])
    }
    #expect(listing.entries.map(\.isSupported) == [false, false])
    #expect(listing.entries[0].reason == "the operator Selu is not supported")
    #expect(listing.diagnostics.count == 1)
  }
}
