// df_stream_in: the AXI4-Stream video input of a design. One beat is one pixel; tuser[0] marks a
// frame's first pixel, the bits above are the frame's sideband; tlast marks a line's last pixel.
//
// Data and handshake pass through without a register: out_valid, out_data and s_axis_tready are in
// the cycle of their sources. Frames are counted in beats, and downstream sees whole frames only:
//  - After reset, and where a frame should begin, beats without start of frame are accepted (when
//    out_ready) and dropped.
//  - An early start of frame is held, s_axis_tready low, while the frame before is completed with
//    PAD pixels; then the new frame begins.
//  - tlast never steers.
// framing_error is set by an early start of frame, by a beat dropped after the first frame began,
// and by an accepted pixel whose tlast is not where a line ends; it stays until reset.
`default_nettype none

module df_stream_in #(
  parameter DATA_BITS = 24,
  parameter USER_BITS = 1,                    // sideband bits, at least 1
  parameter IMAGE_HEIGHT = 8,
  parameter IMAGE_WIDTH = 8,
  parameter [DATA_BITS-1:0] PAD = {DATA_BITS{1'b0}}   // the pixel that completes a cut frame
) (
  input  wire                 aclk,
  input  wire                 aresetn,        // active low, synchronous
  input  wire                 s_axis_tvalid,
  output wire                 s_axis_tready,
  input  wire [DATA_BITS-1:0] s_axis_tdata,
  input  wire [USER_BITS:0]   s_axis_tuser,
  input  wire                 s_axis_tlast,
  output wire                 out_valid,
  input  wire                 out_ready,
  output wire [DATA_BITS-1:0] out_data,
  output wire [USER_BITS-1:0] out_user,       // meant at a frame's first pixel
  output reg                  framing_error
);

  // Bits that hold 0 ... value; at least 1.
  function integer bits_for;
    input integer value;
    integer rest;
    begin
      bits_for = 1;
      for (rest = value >> 1; rest > 0; rest = rest >> 1) bits_for = bits_for + 1;
    end
  endfunction

  localparam ROW_BITS = bits_for(IMAGE_HEIGHT - 1);
  localparam COLUMN_BITS = bits_for(IMAGE_WIDTH - 1);
  localparam LAST_ROW = IMAGE_HEIGHT - 1;
  localparam LAST_COLUMN = IMAGE_WIDTH - 1;

  reg [ROW_BITS-1:0] row;         // of the next pixel
  reg [COLUMN_BITS-1:0] column;
  reg in_frame;                   // the next pixel is not a frame's first
  reg synchronised;               // a frame has begun since reset

  wire start_of_frame = s_axis_tuser[0];
  wire early_start = s_axis_tvalid & start_of_frame & in_frame;
  wire pixel = in_frame | start_of_frame;
  wire accept = s_axis_tvalid & s_axis_tready;
  wire advance = out_valid & out_ready;
  wire line_end = column == LAST_COLUMN[COLUMN_BITS-1:0];
  wire frame_end = line_end & (row == LAST_ROW[ROW_BITS-1:0]);

  assign s_axis_tready = out_ready & ~early_start;
  assign out_valid = s_axis_tvalid & pixel;
  assign out_data = early_start ? PAD : s_axis_tdata;
  assign out_user = s_axis_tuser[USER_BITS:1];

  always @(posedge aclk) begin
    if (!aresetn) begin
      row <= {ROW_BITS{1'b0}};
      column <= {COLUMN_BITS{1'b0}};
      in_frame <= 1'b0;
      synchronised <= 1'b0;
      framing_error <= 1'b0;
    end else begin
      if (advance) begin
        column <= line_end ? {COLUMN_BITS{1'b0}} : column + 1'b1;
        if (line_end) row <= frame_end ? {ROW_BITS{1'b0}} : row + 1'b1;
        in_frame <= ~frame_end;
        synchronised <= 1'b1;
      end
      if (early_start) framing_error <= 1'b1;
      if (accept & synchronised & ~pixel) framing_error <= 1'b1;
      if (accept & pixel & (s_axis_tlast != line_end)) framing_error <= 1'b1;
    end
  end

endmodule

`default_nettype wire
