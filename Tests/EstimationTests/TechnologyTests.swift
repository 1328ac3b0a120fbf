import Estimation
import NeuralGraph
import Testing

@Suite("Technologies")
struct TechnologyTests {
  @Test("every technology that the program carries is whole, fitted figures with their error")
  func builtIn() throws {
    #expect(!Technology.builtIn.isEmpty)
    for technology in Technology.builtIn {
      #expect(technology.verify() == [])
      for coefficient in AreaCoefficient.allCases {
        let quantity = technology.areas[keyPath: coefficient.place]
        #expect(quantity.provenance.kind == .fitted, "\(technology.name)")
        #expect(quantity.provenance.error != nil, "\(technology.name)")
      }
    }
  }

  @Test("intervals at 16 nm are of 45 and 7 nm, whatever else there is")
  func usualInterval() {
    #expect(Technology.usualInterval.map(\.node) == [45, 7])
    #expect(Technology.builtIn.contains { $0.node == 180 })
  }

  @Test("Debian's packaged library has a technology: memories scaled from 45 nm, and a note")
  func packaged() throws {
    let technology = try Technology.named("osu018")
    #expect(technology.liberty == ["osu018_stdcells.lib"])
    #expect(technology.sram.bit.provenance.kind == .scaled)
    #expect(technology.notes.contains { $0.contains("scaled from 45 nm") })
    #expect(technology.areas.fullAdderBit.provenance.kind == .fitted)
  }

  @Test("Nangate's flip-flop of 4.522 um2 is near the fitted register bit")
  func register() throws {
    let bit = try Technology.named("nangate45").areas.pipelineRegisterBit
    // DFF_X1 is 4.522 um2; optimisation merges some bits.
    #expect((3.6...4.6).contains(bit.middle))
  }

  @Test("a technology survives its own JSON, byte for byte")
  func roundTrip() throws {
    for technology in Technology.builtIn {
      let bytes = StableJSON.encode(technology)
      let again = try Technology(json: bytes, file: "x.json")
      #expect(again == technology)
      #expect(StableJSON.encode(again) == bytes)
    }
  }

  @Test("45 nm is scaled from 1.0 V although the library is of 1.1 V, and a note says so")
  func voltage() throws {
    let technology = try Technology.named("nangate45")
    #expect(technology.supplyVoltage == 1.1)
    #expect(try technology.operation.voltage == 1.0)
    #expect(technology.notes.contains { $0.contains("1.0 V") })
  }

  @Test("a name that is none is a diagnostic that lists the names")
  func unknown() {
    let error = #expect(throws: Diagnostics.self) { _ = try Technology.named("tsmc5") }
    #expect(error?.description.contains("nangate45") == true)
  }

  private func diagnostics(_ change: (inout Technology) -> Void) throws -> String {
    var technology = try #require(Technology.builtIn.first)
    change(&technology)
    return technology.verify().map(\.description).joined(separator: "\n")
  }

  @Test("corrupt figures are named: a negative area, a wrong unit, no source, an unknown node")
  func corrupt() throws {
    #expect(try diagnostics { $0.areas.fifoBit.low = -1 }.contains("areas.fifoBit"))
    #expect(
      try diagnostics { $0.areas.requantizer.unit = .picojoule }.contains("in pJ, not in um2"))
    #expect(
      try diagnostics { $0.energies.adderBit.provenance.sources = [] }.contains("comes from"))
    #expect(try diagnostics { $0.node = 44 }.contains("44 nm is not a node"))
    #expect(try diagnostics { $0.scalingVoltage = 1.1 }.contains("1.1 V lies outside"))
    #expect(try diagnostics { $0.sram.portFactor = 0 }.contains("portFactor"))
    #expect(try diagnostics { $0.clockPeriods[0].low = 1e-300 }.contains("clock period"))
    #expect(try diagnostics { $0.energies.adderBit.low = 0 }.contains("energies.adderBit"))
    #expect(try diagnostics { $0.version = 9 }.contains("version 9"))
  }

  @Test(
    "bytes that are no technology are a diagnostic with the file's name",
    arguments: ["", "{", "[]", "{\"format\": 1}", "\u{0}\u{1}"])
  func notJSON(text: String) {
    let error = #expect(throws: Diagnostics.self) {
      _ = try Technology(json: Array(text.utf8), file: "broken.json")
    }
    #expect(error?.description.hasPrefix("broken.json") == true)
  }
}

@Suite("Memories")
struct SRAMModelTests {
  private func model() throws -> SRAMModel { try Technology.named("nangate45").sram }

  @Test(
    "the 45 nm model comes within 14 % of CACTI's one-port macros",
    arguments: [
      (64, 7, 387.296), (32, 64, 1754.536), (256, 16, 3155.026), (64, 96, 4198.81),
      (256, 96, 13701.66), (512, 64, 17301.438), (128, 256, 23378.74), (2048, 39, 45478.818),
    ])
  func cacti(words: Int, wordBits: Int, area: Double) throws {
    // OpenROAD-flow-scripts, flow/platforms/nangate45/lib/fakeram45_WORDSxBITS.lib.
    var model = try model()
    model.portFactor = 1
    let found = model.area(SRAMModel.Memory(words: words, wordBits: wordBits)).middle
    #expect(abs(found / area - 1) < 0.14, "\(found)")
  }

  @Test("a second port makes cells larger and leaves the periphery")
  func ports() throws {
    let model = try model()
    var onePort = model
    onePort.portFactor = 1
    let memory = SRAMModel.Memory(words: 224, wordBits: 48)
    let difference = model.area(memory).middle - onePort.area(memory).middle
    #expect(abs(difference - 0.3 * model.bit.middle * 224 * 48) < 1e-6)
  }

  @Test("wide and shallow costs more than deep and narrow of the same bits")
  func shape() throws {
    let model = try model()
    let wide = model.area(SRAMModel.Memory(words: 16, wordBits: 1024)).middle
    let deep = model.area(SRAMModel.Memory(words: 1024, wordBits: 16)).middle
    #expect(wide > deep)
  }

  @Test("memories below the stated size are registers")
  func registers() throws {
    let model = try model()
    #expect(model.isMapped(SRAMModel.Memory(words: 2, wordBits: 255)))
    #expect(!model.isMapped(SRAMModel.Memory(words: 2, wordBits: 256)))
  }
}
