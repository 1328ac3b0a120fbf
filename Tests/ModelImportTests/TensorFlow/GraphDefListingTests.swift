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

  @Test("Steps of a dilated convolution and arithmetic on shapes are not marked as unsupported")
  func steps() throws {
    let listing = try listing {
      $0.placeholder([1, 6, 6, 1])
      $0.constant("w", [3, 3, 1, 1], (0..<9).map { Float($0) })
      $0.integers("block", [2], [2, 2])
      $0.integers("pads", [2, 2], [2, 2, 2, 2])
      $0.integers("crops", [2, 2], [0, 0, 0, 0])
      $0.node("cut", "SpaceToBatchND", ["input", "block", "pads"])
      $0.convolution("conv", "cut", "w", padding: "VALID")
      $0.node("joined", "BatchToSpaceND", ["conv", "block", "crops"])
      $0.node("shape", "Shape", ["joined"])
      $0.integers("ones", [4], [1, 1, 1, 1])
      $0.node("product", "Mul", ["shape", "ones"])
      $0.node("end", "Reshape", ["joined", "product"])
    }
    #expect(listing.diagnostics == [])
    #expect(listing.entries.map(\.kind) == ["Conv2D", "BatchToSpaceND", "Reshape"])
    #expect(listing.entries.allSatisfy { $0.isSupported })
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
