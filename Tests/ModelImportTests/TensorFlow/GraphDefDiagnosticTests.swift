import ModelImport
import NeuralGraph
import Testing

@Suite("Diagnostics of GraphDef import") struct GraphDefDiagnosticTests {
  /// The diagnostics that the import of a file ends in, as text.
  private func diagnostics(
    _ build: (inout GraphDefWriter) -> Void
  ) -> [String] {
    var file = GraphDefWriter()
    build(&file)
    return diagnostics(of: file.bytes)
  }

  private func diagnostics(of bytes: [UInt8]) -> [String] {
    do throws(Diagnostics) {
      _ = try importGraphDef(bytes, name: "test")
      return []
    } catch {
      return error.all.map(\.description)
    }
  }

  @Test("An empty file")
  func empty() {
    #expect(
      diagnostics(of: []) == [
        "error: the file is empty (give a TensorFlow frozen graph (.pb))"
      ])
  }

  @Test("A file that is something else")
  func notAModel() {
    let found = diagnostics(of: Array("hello, world".utf8))
    #expect(found.count == 1)
    #expect(found[0].contains("not a TensorFlow GraphDef"))
  }

  @Test("A graph without a Placeholder")
  func noInput() {
    let found = diagnostics { $0.constant("c", [1], [1]) }
    #expect(found.count == 1)
    #expect(found[0].contains("no Placeholder"))
  }

  @Test("Two inputs")
  func twoInputs() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1], name: "a")
      $0.placeholder([1, 2, 2, 1], name: "b")
      $0.node("sum", "Add", ["a", "b"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("2 inputs: 'a', 'b'"))
  }

  @Test("A missing operand and an unknown operator are both reported, with their nodes")
  func severalProblems() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("sum", "Add", ["input", "gone"])
      $0.node("odd", "Selu", ["input"])
      $0.node("odder", "Selu", ["odd"])
    }
    #expect(found.count == 2)
    #expect(found[0].hasPrefix("node 'sum': error: its operand 'gone' is not in the file"))
    #expect(
      found[1].hasPrefix(
        "node 'odd': error: operator 'Selu' is not supported; it also stands at 'odder'"))
    #expect(found[1].contains("DepthwiseConv2dNative"))
  }

  @Test("Readers of an unsupported operator add no diagnostics of their own")
  func noFollowUps() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("odd", "Selu", ["input"])
      $0.node("relu", "Relu", ["odd"])
      $0.node("soft", "Softmax", ["relu"])
    }
    #expect(found.count == 1)
  }

  @Test(
    "Operators of training and of unfrozen graphs say what to do",
    arguments: [
      ("VariableV2", "freeze it"), ("Switch", "training off"), ("RandomUniform", "randomness"),
      ("PartitionedCall", "a function that is not in its library"),
      ("ApplyGradientDescent", "still trains"),
      ("QueueDequeueV2", "training data"), ("ScalarSummary", "summaries"),
    ])
  func leftovers(operation: String, remedy: String) {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("left", operation, ["input"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains(operation) && found[0].contains(remedy))
  }

  @Test("A cycle names its nodes")
  func cycle() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("a", "Add", ["input", "c"])
      $0.node("b", "Relu", ["a"])
      $0.node("c", "Relu", ["b"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("cycle through 'b', 'c', 'a'"))
  }

  @Test("Lists of integers that grow from node to node are refused before they fill the memory")
  func growingLists() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.integers("axis", [], [0])
      $0.integers("list", [65_000], Array(repeating: 1, count: 65_000))
      var last = "list"
      for step in 0..<400 {
        $0.node("grown\(step)", "ConcatV2", ["list", last, "axis"])
        last = "grown\(step)"
      }
      $0.node("flat", "Reshape", ["input", last])
    }
    #expect(found.contains { $0.contains("copied many times over") })
  }

  @Test("Integers that cannot be computed are said with the node")
  func impossibleIntegers() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.integers("pair", [2], [1, 2])
      $0.integers("three", [3], [1, 2, 3])
      $0.node("sum", "Add", ["pair", "three"])
      $0.node("flat", "Reshape", ["input", "sum"])
    }
    #expect(found.contains { $0.contains("node 'sum'") && $0.contains("do not match") })
  }

  @Test("Two nodes of one name")
  func duplicate() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("relu", "Relu", ["input"])
      $0.node("relu", "Relu6", ["input"])
    }
    #expect(found.contains { $0.contains("node 'relu': error: two nodes have this name") })
  }

  @Test("Channels first")
  func nchw() {
    let found = diagnostics {
      $0.placeholder([1, 3, 8, 8])
      $0.constant("w", [1, 1, 8, 1], [Float](repeating: 1, count: 8))
      $0.node(
        "conv", "Conv2D", ["input", "w"],
        [
          "strides": .integers([1, 1, 1, 1]), "padding": .string("SAME"),
          "data_format": .string("NCHW"),
        ])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("its data format is NCHW") && found[0].contains("channels last"))
  }

  @Test("An open height says which option states it")
  func openHeight() {
    let found = diagnostics { $0.placeholder([-1, -1, 224, 3]) }
    #expect(found.count == 1)
    #expect(found[0].contains("--image-size"))
  }

  @Test("An input without a shape")
  func unknownShape() {
    let found = diagnostics { $0.placeholder(nil) }
    #expect(found.count == 1)
    #expect(found[0].contains("shape is unknown"))
  }

  @Test("A batch of more than one")
  func batch() {
    let found = diagnostics { $0.placeholder([8, 2, 2, 1]) }
    #expect(found.count == 1)
    #expect(found[0].contains("batch of 8"))
  }

  @Test("A weight that is not a number, with its index")
  func nanWeight() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.constant("w", [1, 1, 1, 3], [1, .nan, 2])
      $0.convolution("conv", "input", "w")
    }
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("node 'w': error: element 1 of the constant is nan"))
  }

  @Test("A constant of 2^40 elements")
  func hugeConstant() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("w", "Const", [], ["value": .floats([1 << 20, 1 << 20], [1])])
      $0.node("sum", "Add", ["input", "w"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("too large"))
  }

  @Test("An input of 2^40 elements")
  func hugeInput() {
    let found = diagnostics { $0.placeholder([1, 1 << 20, 1 << 20, 1]) }
    #expect(found.count == 1)
    #expect(found[0].contains("too large"))
  }

  @Test("Many constants that each repeat a value share one bound")
  func repetitionBudget() {
    let found = diagnostics { file in
      file.placeholder([1, 1, 1, 1])
      var sum = "input"
      for index in 0..<40 {
        file.node("c\(index)", "Const", [], ["value": .floats([1, 1, 1, 1 << 20], [1])])
        file.node("sum\(index)", "Add", [sum, "c\(index)"])
        sum = "sum\(index)"
      }
    }
    #expect(found.contains { $0.contains("repeats one value too often") })
  }

  @Test("A file of nothing but empty nodes ends before it takes memory")
  func manyEmptyNodes() {
    let bytes = [UInt8]((0..<8_000_000).flatMap { _ in [0x0A, 0x00] as [UInt8] })
    let found = diagnostics(of: bytes)
    #expect(found.count == 1)
    #expect(found.first?.contains("memory") == true)
  }

  @Test("A constant whose bytes do not fill its shape")
  func shortContent() {
    let found = diagnostics {
      $0.placeholder([1, 1, 1, 1])
      $0.node("w", "Const", [], ["value": .content(.float, [4], [0, 0, 0, 0])])
      $0.node("sum", "Add", ["input", "w"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("needs 16 bytes and has 4"))
  }

  @Test("Batch normalization in training mode")
  func trainingBatchNorm() {
    let found = diagnostics { file in
      file.placeholder([1, 2, 2, 1])
      for name in ["gamma", "beta", "mean", "variance"] { file.constant(name, [1], [1]) }
      file.node(
        "norm", "FusedBatchNormV3", ["input", "gamma", "beta", "mean", "variance"],
        ["epsilon": .float(0.001)])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("training mode"))
  }

  @Test("A pooling window that fits nowhere")
  func windowTooLarge() {
    let found = diagnostics {
      $0.placeholder([1, 4, 4, 1])
      $0.node(
        "pool", "AvgPool", ["input"],
        [
          "ksize": .integers([1, 7, 7, 1]), "strides": .integers([1, 1, 1, 1]),
          "padding": .string("VALID"),
        ])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("7x7 window fits nowhere into the 4x4 image"))
  }

  @Test("The second result of an operator")
  func secondResult() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("relu", "Relu", ["input"])
      $0.node("more", "Relu", ["relu:1"])
    }
    #expect(found.count == 1)
    #expect(found[0].contains("result 1 of 'relu'"))
  }

  @Test("A name with a line break")
  func unusableName() {
    let found = diagnostics {
      $0.placeholder([1, 2, 2, 1])
      $0.node("a\nb", "Relu", ["input"])
    }
    #expect(found.contains { $0.contains("no usable name") })
  }
}
