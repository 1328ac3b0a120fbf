import Estimation
import Synthesis
import Testing

@Suite struct PartFinderTests {
  @Test(
    "a layer's registers are known by their names",
    arguments: [
      ("x0_r0c1[3]", AreaPart.windowRegisters), ("in_r2_f1", .windowRegisters),
      ("w0_r2p1[0]", .windowRegisters), ("x3_d1[2]", .pipelineRegisters),
      ("x0_r0c1_d2[3]", .pipelineRegisters), ("sum12[4]", .pipelineRegisters),
      ("mul3_1[0]", .pipelineRegisters), ("", .pipelineRegisters),
    ])
  func registers(_ name: String, _ part: AreaPart) {
    #expect(PartFinder.role(of: name, .layer).register == part)
  }

  @Test(
    "logic before a register is the sum's or its scaling's",
    arguments: [
      ("sum12[4]", AreaPart.adders), ("acc3[0]", .adders), ("mul3_1[0]", .requantizers),
      ("prod7[2]", .requantizers), ("biased4[2]", .requantizers), ("negative3", .requantizers),
      ("max2_1[0]", .adders), ("y4[1]", .requantizers), ("q4[7]", .requantizers),
      ("cut4[1]", .requantizers), ("even4[1]", .requantizers),
      ("x0_r0c1[3]", .windowRegisters),
    ])
  func logic(_ name: String, _ part: AreaPart) {
    #expect(PartFinder.role(of: name, .layer).logic == part)
  }

  @Test(
    "a FIFO's head leaves the stage and is the FIFO's; what enters it is the valid pipeline's",
    arguments: [
      ("out_pixel[3]", AreaPart.fifos), ("out_user[0]", .fifos),
      ("fifo.with_ring.ring[2][5]", .fifos), ("fifo.in_data[3]", .control),
      ("valid_pipeline.marks[1]", .control), ("line_buffer.column[7]", .control),
      ("line_buffer.rows.memory.line_memory.words[1][2]", .memories),
    ])
  func stages(_ name: String, _ part: AreaPart) {
    #expect(PartFinder.role(of: name, .stage).register == part)
    #expect(PartFinder.role(of: name, .stage).logic == part)
  }
}
