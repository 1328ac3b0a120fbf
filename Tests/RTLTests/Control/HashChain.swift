import NeuralGraph
import RTL

/// A stream design with a small datapath of its own, one 8-bit channel: every stage hashes the taps
/// of its window, so that one wrong tap changes the output.
struct HashChain {
  /// What a tap outside the image reads, and the pixel that completes a cut frame.
  static let padTap: UInt8 = 0x5A
  static let padPixel: UInt8 = 0xC3
  /// Sideband bits.
  static let userBits = 4

  var timing: StreamTiming

  /// The output frame of the input frame `pixels` (raster order), computed as the definition says.
  func evaluate(_ pixels: [UInt8]) -> [UInt8] {
    timing.stages.reduce(pixels) { map, stage in
      switch stage.kind {
      case .window(let geometry): Self.hash(map, geometry)
      case .frameAccumulator: [map.dropFirst().reduce(map[0]) { $0 &* 3 &+ $1 }]
      case .serial(_, _, let steps, let drain):
        [Self.serialHash(map, SerialHash(steps: steps, drain: drain))]
      }
    }
  }

  /// How a serial stage takes a pixel: as two codes of four bits, one or both a step, in groups.
  struct SerialHash {
    var unroll: Int
    var groups: Int

    init(steps: Int, drain: Int) {
      unroll = drain - 2
      groups = steps * unroll / 2
    }

    static func kind(height: Int, width: Int, unroll: Int, groups: Int) -> StageTiming.Kind {
      .serial(height: height, width: width, steps: 2 * groups / unroll, drain: 2 + unroll)
    }
  }

  /// The weights of a step's word are bytes of a function of its address; group g counts 2g + 1 times.
  private static func serialHash(_ map: [UInt8], _ serial: SerialHash) -> UInt8 {
    var sum = 0
    var address = 0
    for pixel in map {
      let codes = [Int(pixel & 15), Int(pixel >> 4)]
      for group in 0..<serial.groups {
        for first in stride(from: 0, to: 2, by: serial.unroll) {
          let word = address * 0x9E35 + 0x1153
          for place in 0..<serial.unroll {
            let weight = Int(Int8(truncatingIfNeeded: word >> (8 * place)))
            sum &+= (2 * group + 1) * codes[first + place] * weight
          }
          address += 1
        }
      }
    }
    return UInt8(truncatingIfNeeded: sum)
  }

  /// The odd factor of a tap, in the order of the rows, each from right to left.
  static func coefficient(_ tap: Int) -> UInt8 { UInt8(truncatingIfNeeded: tap * 0x9E + 0x35) }

  private static func hash(_ map: [UInt8], _ geometry: WindowGeometry) -> [UInt8] {
    var result: [UInt8] = []
    for y in 0..<geometry.outputHeight {
      for x in 0..<geometry.outputWidth {
        var hash: UInt8 = 0x11
        for a in 0..<geometry.kernelHeight {
          for b in 0..<geometry.kernelWidth {
            let row = y * geometry.strideY - geometry.padTop + a * geometry.dilationY
            let column = x * geometry.strideX - geometry.padLeft + b * geometry.dilationX
            let inside =
              (0..<geometry.inputHeight).contains(row)
              && (0..<geometry.inputWidth).contains(column)
            let tap = inside ? map[row * geometry.inputWidth + column] : padTap
            hash &+= coefficient((a + 1) * geometry.kernelWidth - 1 - b) &* tap
          }
        }
        result.append(hash)
      }
    }
    return result
  }

  /// The top module `name`, and as `window_valids` every stage's `window_valid`.
  func verilog(name: String) -> String {
    let stages = timing.stages
    var text = """
      module \(name) (
        input wire aclk, input wire aresetn,
        input wire s_axis_tvalid, output wire s_axis_tready, input wire [7:0] s_axis_tdata,
        input wire [4:0] s_axis_tuser, input wire s_axis_tlast,
        output wire m_axis_tvalid, input wire m_axis_tready, output wire [7:0] m_axis_tdata,
        output wire [4:0] m_axis_tuser, output wire m_axis_tlast,
        output wire framing_error, output wire [\(stages.count - 1):0] window_valids
      );
        wire [\(stages.count):0] valid;
        wire [\(stages.count):0] ready;
        wire [13:0] word_0;
        df_stream_in #(.DATA_BITS(8), .USER_BITS(4), .IMAGE_HEIGHT(\(timing.inputHeight)),
          .IMAGE_WIDTH(\(timing.inputWidth)), .PAD(8'd\(Self.padPixel))) adapter (
          .aclk(aclk), .aresetn(aresetn), .s_axis_tvalid(s_axis_tvalid),
          .s_axis_tready(s_axis_tready), .s_axis_tdata(s_axis_tdata), .s_axis_tuser(s_axis_tuser),
          .s_axis_tlast(s_axis_tlast), .out_valid(valid[0]), .out_ready(ready[0]),
          .out_data(word_0[7:0]), .out_user(word_0[13:10]), .framing_error(framing_error));
        assign word_0[9:8] = {s_axis_tuser[0], s_axis_tlast};

      """
    for (index, stage) in stages.enumerated() {
      let module: String
      let geometry = stage.geometry
      var parameters = [
        ("IMAGE_HEIGHT", geometry.inputHeight), ("IMAGE_WIDTH", geometry.inputWidth),
        ("RANKS", stage.ranks), ("DEPTH", stage.fifoDepth),
      ]
      switch stage.kind {
      case .frameAccumulator: module = "test_accumulator_stage"
      case .serial(_, _, let steps, let drain):
        module = "test_serial_stage"
        let serial = SerialHash(steps: steps, drain: drain)
        parameters += [
          ("STEPS", steps), ("DRAIN", drain), ("UNROLL", serial.unroll),
          ("GROUPS", serial.groups),
        ]
      case .window:
        module = "test_window_stage"
        parameters += [
          ("KERNEL_HEIGHT", geometry.kernelHeight), ("KERNEL_WIDTH", geometry.kernelWidth),
          ("STRIDE_Y", geometry.strideY), ("STRIDE_X", geometry.strideX),
          ("DILATION_Y", geometry.dilationY), ("DILATION_X", geometry.dilationX),
          ("PAD_TOP", geometry.padTop), ("PAD_LEFT", geometry.padLeft),
          ("OUTPUT_HEIGHT", geometry.outputHeight), ("OUTPUT_WIDTH", geometry.outputWidth),
        ]
      }
      let list = parameters.map { ".\($0)(\($1))" }.joined(separator: ", ")
      text += """
          wire [13:0] word_\(index + 1);
          \(module) #(\(list)) stage_\(index) (
            .aclk(aclk), .aresetn(aresetn), .in_valid(valid[\(index)]), .in_ready(ready[\(index)]),
            .in_word(word_\(index)), .out_valid(valid[\(index + 1)]),
            .out_ready(ready[\(index + 1)]), .out_word(word_\(index + 1)),
            .window_valid(window_valids[\(index)]));

        """
    }
    let last = stages.count
    return text + """
        assign m_axis_tvalid = valid[\(last)];
        assign ready[\(last)] = m_axis_tready;
        assign m_axis_tdata = word_\(last)[7:0];
        assign m_axis_tuser = {word_\(last)[13:10], word_\(last)[9]};
        assign m_axis_tlast = word_\(last)[8];
      endmodule

      """
  }

  /// The two stages of the chains: a word is {sideband, first, last, pixel}.
  static func stageModules(restartLines: Bool) -> String {
    let restart = restartLines ? ".restart(in_valid & in_ready & in_word[9]), " : ""
    return """
      module test_window_stage #(
        parameter IMAGE_HEIGHT = 8, parameter IMAGE_WIDTH = 8,
        parameter KERNEL_HEIGHT = 3, parameter KERNEL_WIDTH = 3,
        parameter STRIDE_Y = 1, parameter STRIDE_X = 1,
        parameter DILATION_Y = 1, parameter DILATION_X = 1,
        parameter PAD_TOP = 1, parameter PAD_LEFT = 1,
        parameter OUTPUT_HEIGHT = 8, parameter OUTPUT_WIDTH = 8,
        parameter RANKS = 1, parameter DEPTH = 4
      ) (
        input wire aclk, input wire aresetn,
        input wire in_valid, output wire in_ready, input wire [13:0] in_word,
        output wire out_valid, input wire out_ready, output wire [13:0] out_word,
        output wire window_valid
      );
        localparam SPAN = (KERNEL_WIDTH - 1) * DILATION_X + 1;
        wire step, column_step, window_first, window_last, credit_return, fifo_valid;
        wire [KERNEL_HEIGHT-1:0] next_row_real;
        wire [KERNEL_WIDTH-1:0] next_column_real;
        reg [KERNEL_HEIGHT-1:0] row_real;
        reg [KERNEL_WIDTH-1:0] column_real;
        wire [3:0] window_user;
        wire [KERNEL_HEIGHT*8-1:0] column;
        wire [RANKS:0] valid;
        wire [5:0] marks;
        assign fifo_valid = valid[RANKS];
        df_window_control #(.IMAGE_HEIGHT(IMAGE_HEIGHT), .IMAGE_WIDTH(IMAGE_WIDTH),
          .KERNEL_HEIGHT(KERNEL_HEIGHT), .KERNEL_WIDTH(KERNEL_WIDTH), .STRIDE_Y(STRIDE_Y),
          .STRIDE_X(STRIDE_X), .DILATION_Y(DILATION_Y), .DILATION_X(DILATION_X), .PAD_TOP(PAD_TOP),
          .PAD_LEFT(PAD_LEFT), .OUTPUT_HEIGHT(OUTPUT_HEIGHT), .OUTPUT_WIDTH(OUTPUT_WIDTH),
          .USER_BITS(4), .CREDITS(DEPTH)) control (
          .aclk(aclk), .aresetn(aresetn), .in_valid(in_valid), .in_ready(in_ready),
          .in_user(in_word[13:10]), .step(step), .column_step(column_step),
          .window_valid(window_valid), .row_real(next_row_real), .column_real(next_column_real),
          .window_first(window_first), .window_last(window_last), .window_user(window_user),
          .credit_return(credit_return));
        df_line_buffer #(.PIXEL_BITS(8), .KERNEL_HEIGHT(KERNEL_HEIGHT), .DILATION_Y(DILATION_Y),
          .IMAGE_WIDTH(IMAGE_WIDTH)) lines (\(restart)
          .aclk(aclk), .aresetn(aresetn), .step(step), .column_step(column_step),
          .pixel(in_word[7:0]), .column(column));
        df_valid_pipeline #(.RANKS(RANKS), .USER_BITS(4)) valids (
          .aclk(aclk), .aresetn(aresetn), .in_valid(window_valid), .in_first(window_first),
          .in_last(window_last), .in_user(window_user), .valid(valid), .out_first(marks[1]),
          .out_last(marks[0]), .out_user(marks[5:2]));
        // Newest column in the least significant bits.
        reg [SPAN*8-1:0] window [0:KERNEL_HEIGHT-1];
        reg [RANKS*8-1:0] ranks;
        reg [7:0] hash;
        reg [7:0] odd;
        reg [SPAN*8-1:0] line;
        integer a, b;
        always @(posedge aclk) begin
          if (column_step) begin
            for (a = 0; a < KERNEL_HEIGHT; a = a + 1)
              window[a] <= (window[a] << 8) | {{SPAN*8{1'b0}}, column[(KERNEL_HEIGHT-1-a)*8 +: 8]};
            row_real <= next_row_real;
            column_real <= next_column_real;
          end
          hash = 8'h11;
          odd = 8'h35;
          if (window_valid)
            for (a = 0; a < KERNEL_HEIGHT; a = a + 1) begin
              line = window[a];
              for (b = KERNEL_WIDTH - 1; b >= 0; b = b - 1) begin
                hash = hash + odd * (row_real[a] & column_real[b] ? line[7:0] : 8'h5A);
                odd = odd + 8'h9E;
                line = line >> (8 * DILATION_X);
              end
            end
          ranks <= {ranks, hash};
        end
        df_fifo #(.WIDTH(14), .DEPTH(DEPTH)) fifo (
          .aclk(aclk), .aresetn(aresetn), .in_valid(fifo_valid),
          .in_data({marks, ranks[(RANKS-1)*8 +: 8]}), .out_valid(out_valid), .out_ready(out_ready),
          .out_data(out_word), .credit_return(credit_return));
      endmodule

      module test_accumulator_stage #(
        parameter IMAGE_HEIGHT = 8, parameter IMAGE_WIDTH = 8,
        parameter RANKS = 1, parameter DEPTH = 4
      ) (
        input wire aclk, input wire aresetn,
        input wire in_valid, output wire in_ready, input wire [13:0] in_word,
        output wire out_valid, input wire out_ready, output wire [13:0] out_word,
        output wire window_valid
      );
        wire step, accumulate_step, accumulate_first, first, last, credit_return;
        wire [3:0] user;
        wire [7:0] pixel;
        wire [RANKS:0] valid;
        wire [5:0] marks;
        df_frame_accumulator_control #(.IMAGE_HEIGHT(IMAGE_HEIGHT), .IMAGE_WIDTH(IMAGE_WIDTH),
          .USER_BITS(4), .CREDITS(DEPTH)) control (
          .aclk(aclk), .aresetn(aresetn), .in_valid(in_valid), .in_ready(in_ready),
          .in_user(in_word[13:10]), .step(step), .accumulate_step(accumulate_step),
          .accumulate_first(accumulate_first), .result_valid(window_valid), .result_first(first),
          .result_last(last), .result_user(user), .credit_return(credit_return));
        df_line_buffer #(.PIXEL_BITS(8), .KERNEL_HEIGHT(1), .DILATION_Y(1),
          .IMAGE_WIDTH(IMAGE_WIDTH)) lines (\(restart)
          .aclk(aclk), .aresetn(aresetn), .step(step), .column_step(accumulate_step),
          .pixel(in_word[7:0]), .column(pixel));
        df_valid_pipeline #(.RANKS(RANKS), .USER_BITS(4)) valids (
          .aclk(aclk), .aresetn(aresetn), .in_valid(window_valid), .in_first(first),
          .in_last(last), .in_user(user), .valid(valid), .out_first(marks[1]),
          .out_last(marks[0]), .out_user(marks[5:2]));
        reg [7:0] sum;
        reg [RANKS*8-1:0] ranks;
        always @(posedge aclk) begin
          if (accumulate_step) sum <= accumulate_first ? pixel : sum * 8'd3 + pixel;
          ranks <= {ranks, sum};
        end
        df_fifo #(.WIDTH(14), .DEPTH(DEPTH)) fifo (
          .aclk(aclk), .aresetn(aresetn), .in_valid(valid[RANKS]),
          .in_data({marks, ranks[(RANKS-1)*8 +: 8]}), .out_valid(out_valid), .out_ready(out_ready),
          .out_data(out_word), .credit_return(credit_return));
      endmodule

      module test_serial_stage #(
        parameter IMAGE_HEIGHT = 8, parameter IMAGE_WIDTH = 8,
        parameter STEPS = 2, parameter DRAIN = 3, parameter UNROLL = 1, parameter GROUPS = 1,
        parameter RANKS = 1, parameter DEPTH = 4
      ) (
        input wire aclk, input wire aresetn,
        input wire in_valid, output wire in_ready, input wire [13:0] in_word,
        output wire out_valid, input wire out_ready, output wire [13:0] out_word,
        output wire window_valid
      );
        wire load, step, group_first, frame_first, first, last, credit_return;
        wire [15:0] address;
        wire [3:0] user;
        wire [RANKS:0] valid;
        wire [5:0] marks;
        reg [15:0] weights;
        wire [GROUPS*16-1:0] sums;
        df_serial_control #(.IMAGE_HEIGHT(IMAGE_HEIGHT), .IMAGE_WIDTH(IMAGE_WIDTH), .STEPS(STEPS),
          .GROUP_STEPS(2 / UNROLL), .DRAIN(DRAIN), .ADDRESS_BITS(16), .USER_BITS(4),
          .CREDITS(DEPTH)) control (
          .aclk(aclk), .aresetn(aresetn), .in_valid(in_valid), .in_ready(in_ready),
          .in_user(in_word[13:10]), .load(load), .step(step), .address(address),
          .group_first(group_first), .frame_first(frame_first), .result_valid(window_valid),
          .result_first(first), .result_last(last), .result_user(user),
          .credit_return(credit_return));
        df_serial_accumulator #(.CODES(2), .CODE_BITS(4), .CODE_SIGNED(0), .WEIGHT_BITS(8),
          .UNROLL(UNROLL), .LANES(1), .GROUPS(GROUPS), .SUM_BITS(16)) serial (
          .aclk(aclk), .load(load), .codes(in_word[7:0]), .step(step), .group_first(group_first),
          .frame_first(frame_first), .weights(weights[UNROLL*8-1:0]), .sums(sums));
        df_valid_pipeline #(.RANKS(RANKS), .USER_BITS(4)) valids (
          .aclk(aclk), .aresetn(aresetn), .in_valid(window_valid), .in_first(first),
          .in_last(last), .in_user(user), .valid(valid), .out_first(marks[1]),
          .out_last(marks[0]), .out_user(marks[5:2]));
        reg [7:0] hash;
        reg [RANKS*8-1:0] ranks;
        integer group;
        always @(posedge aclk) begin
          if (step) weights <= address * 16'h9E35 + 16'h1153;
          hash = 8'd0;
          for (group = 0; group < GROUPS; group = group + 1)
            hash = hash + (2 * group + 1) * sums[group*16 +: 8];
          ranks <= {ranks, hash};
        end
        df_fifo #(.WIDTH(14), .DEPTH(DEPTH)) fifo (
          .aclk(aclk), .aresetn(aresetn), .in_valid(valid[RANKS]),
          .in_data({marks, ranks[(RANKS-1)*8 +: 8]}), .out_valid(out_valid), .out_ready(out_ready),
          .out_data(out_word), .credit_return(credit_return));
      endmodule

      """
  }
}

extension StageTiming.Kind {
  /// Serial sums over a map that has `cycles` clocks a pixel; nil when that is too few.
  static func randomSerial(
    height: Int, width: Int, cycles: Int, using g: inout SeededGenerator
  ) -> StageTiming.Kind? {
    let unroll = g.pick(1...2)
    let most = min(7, cycles * unroll / 2)
    guard most >= 1 else { return nil }
    let kind = HashChain.SerialHash.kind(
      height: height, width: width, unroll: unroll, groups: g.pick(1...most))
    return StageTiming(kind, ranks: 1).verify().isEmpty ? kind : nil
  }
}
