// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "deepfreeze",
  products: [
    .executable(name: "deepfreeze", targets: ["deepfreeze"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    // C code and libraries of the system.
    .target(name: "CModelProtos", linkerSettings: [.linkedLibrary("protobuf-c")]),
    .target(
      name: "CPlatform",
      linkerSettings: [
        .linkedLibrary("png16"), .linkedLibrary("z"), .linkedLibrary("crypto"),
      ]),

    // Text that the product carries: Verilog templates and simulator harnesses.
    .target(
      name: "RTLTemplates", path: "rtl-templates", resources: [.embedInCode("verilog")],
      swiftSettings: strict),
    .target(
      name: "SimulatorSources", path: "sim", resources: [.embedInCode("harness")],
      swiftSettings: strict),

    // Tcl that Yosys and OpenSTA run.
    .target(
      name: "SynthesisScripts", resources: [.embedInCode("Scripts")], swiftSettings: strict),

    .target(name: "NeuralGraph", dependencies: ["CPlatform"], swiftSettings: strict),
    // Arrays and images in files: NPY, IDX, PNG, PPM, BMP.
    .target(
      name: "TensorFiles", dependencies: ["NeuralGraph", "CPlatform"], swiftSettings: strict),
    .target(
      name: "ModelImport", dependencies: ["NeuralGraph", "CModelProtos"], swiftSettings: strict),
    // What remains behind the fixed layers, as ONNX.
    .target(
      name: "BackEnd", dependencies: ["NeuralGraph", "CModelProtos"], swiftSettings: strict),
    .target(name: "GraphPasses", dependencies: ["NeuralGraph"], swiftSettings: strict),
    .target(name: "AdderGraph", swiftSettings: strict),
    .target(name: "Verilog", swiftSettings: strict),
    .target(
      name: "RTL", dependencies: ["NeuralGraph", "AdderGraph", "Verilog", "RTLTemplates"],
      swiftSettings: strict),
    .target(
      name: "Simulation",
      dependencies: [
        "CPlatform", "RTL", "SimulatorSources", "SynthesisScripts",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: strict),
    // Netlists as Yosys writes them.
    .target(name: "YosysNetlist", dependencies: ["NeuralGraph"], swiftSettings: strict),
    // The emitted text, read by Yosys, against the weights.
    .target(
      name: "Proof",
      dependencies: ["NeuralGraph", "RTL", "RTLTemplates", "Simulation", "YosysNetlist"],
      swiftSettings: strict),
    // Area, speed and energy: technologies, memories, NVDLA, the design space.
    .target(
      name: "Estimation", dependencies: ["NeuralGraph", "RTL"],
      resources: [.embedInCode("Technologies")], swiftSettings: strict),
    // Accuracy beside adders, before anything is frozen.
    .target(
      name: "Compression",
      dependencies: ["NeuralGraph", "TensorFiles", "GraphPasses", "AdderGraph", "RTL"],
      swiftSettings: strict),
    // Emitted modules on a cell library, by Yosys and OpenSTA.
    .target(
      name: "Synthesis",
      dependencies: [
        "NeuralGraph", "RTL", "Simulation", "YosysNetlist", "Estimation", "SynthesisScripts",
      ],
      swiftSettings: strict),
    // One page about a design: pipeline, areas, paths, design space.
    .target(
      name: "DesignReports",
      dependencies: ["NeuralGraph", "RTL", "Simulation", "Estimation", "Synthesis"],
      swiftSettings: strict),
    .executableTarget(
      name: "deepfreeze",
      dependencies: [
        "NeuralGraph", "TensorFiles", "ModelImport", "GraphPasses", "AdderGraph", "RTL",
        "Simulation", "Proof", "Verilog", "Estimation", "Compression",
        "Synthesis", "DesignReports", "BackEnd",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .testTarget(
      name: "BackEndTests",
      dependencies: ["BackEnd", "GraphPasses", "ModelImport", "RTL", "Simulation", "TensorFiles"],
      exclude: ["Recorded"], swiftSettings: strict),
    .testTarget(name: "NeuralGraphTests", dependencies: ["NeuralGraph"], swiftSettings: strict),
    .testTarget(
      name: "ModelImportTests", dependencies: ["ModelImport", "GraphPasses", "TensorFiles"],
      exclude: ["Recorded"],
      swiftSettings: strict),
    .testTarget(
      name: "TensorFilesTests", dependencies: ["TensorFiles"], swiftSettings: strict),
    .testTarget(
      name: "GraphPassesTests", dependencies: ["GraphPasses", "ModelImport"],
      swiftSettings: strict),
    .testTarget(
      name: "AdderGraphTests", dependencies: ["AdderGraph"], swiftSettings: strict),
    .testTarget(name: "VerilogTests", dependencies: ["Verilog"], swiftSettings: strict),
    .testTarget(
      name: "RTLTests", dependencies: ["RTL", "RTLTemplates", "Simulation"], swiftSettings: strict),
    .testTarget(
      name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: strict),
    .testTarget(
      name: "ProofTests",
      dependencies: [
        "Proof", "AdderGraph", "RTL", "Simulation", "ModelImport", "GraphPasses", "YosysNetlist",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EstimationTests", dependencies: ["Estimation", "ModelImport", "GraphPasses"],
      swiftSettings: strict),
    .testTarget(
      name: "CompressionTests",
      dependencies: ["Compression", "ModelImport", "GraphPasses", "RTL", "Simulation"],
      swiftSettings: strict),
    .testTarget(
      name: "SynthesisTests", dependencies: ["Synthesis", "RTL", "Simulation"],
      swiftSettings: strict),
    .testTarget(
      name: "DesignReportTests",
      dependencies: ["DesignReports", "Synthesis", "RTL", "Simulation", "Estimation"],
      swiftSettings: strict),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["deepfreeze", "Simulation", "ModelImport", "GraphPasses", "TensorFiles"],
      swiftSettings: strict),
  ]
)

// The fuzzer of model files has libFuzzer's main function: `make fuzz-models` builds it by itself.
if Context.environment["DEEPFREEZE_FUZZ"] != nil {
  package.products.append(.executable(name: "model-fuzz", targets: ["ModelFuzz"]))
  package.targets.append(
    .executableTarget(
      name: "ModelFuzz",
      dependencies: ["BackEnd", "GraphPasses", "ModelImport", "NeuralGraph", "RTL"],
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
