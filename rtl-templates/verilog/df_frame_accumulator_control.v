// df_frame_accumulator_control: the control of a stage that adds up whole frames (global average).
//
// Accepts IMAGE_HEIGHT*IMAGE_WIDTH pixels a frame, one a clock, and gives one result a frame; only
// the last pixel needs a credit (room in the FIFO behind the stage), nothing else lowers in_ready.
//
// Timing, as of a window: step in cycle t, the handshake's; accumulate_step in t + 1, where the
// pixel, registered on step (df_line_buffer with KERNEL_HEIGHT = 1), is added to the
// accumulators, or loaded if accumulate_first; result_valid in t + 2, where the accumulators hold
// the frame's sum, for this one cycle if the next frame's first pixel follows at once. The first
// output comes IMAGE_HEIGHT*IMAGE_WIDTH - 1 steps after the first pixel.
`default_nettype none

module df_frame_accumulator_control #(
  parameter IMAGE_HEIGHT = 7,
  parameter IMAGE_WIDTH = 7,
  parameter USER_BITS = 1,       // sideband bits, at least 1: tie in_user to 0 for none
  parameter CREDITS = 4          // depth of the FIFO behind the stage, at least 1
) (
  input  wire                 aclk,
  input  wire                 aresetn,           // active low, synchronous
  input  wire                 in_valid,
  output wire                 in_ready,
  input  wire [USER_BITS-1:0] in_user,           // read at a frame's first pixel
  output wire                 step,              // enable of the pixel register
  output reg                  accumulate_step,   // enable of the accumulators
  output reg                  accumulate_first,  // load the pixel, do not add
  output reg                  result_valid,      // the accumulators hold a frame's sum
  output wire                 result_first,      // first output of its frame: always
  output wire                 result_last,       // last output of its line: always
  output reg  [USER_BITS-1:0] result_user,       // sideband of the result's frame
  input  wire                 credit_return      // the FIFO gave a word away
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

  localparam PIXELS = IMAGE_HEIGHT * IMAGE_WIDTH;
  localparam POSITION_BITS = bits_for(PIXELS - 1);
  localparam CREDIT_BITS = bits_for(CREDITS);
  localparam LAST_PIXEL = PIXELS - 1;

  reg [POSITION_BITS-1:0] position;
  reg [CREDIT_BITS-1:0] credits;
  reg last_step;
  reg [USER_BITS-1:0] frame_user;

  wire first_pixel = position == {POSITION_BITS{1'b0}};
  wire last_pixel = position == LAST_PIXEL[POSITION_BITS-1:0];
  wire emission = step & last_pixel;

  assign in_ready = ~last_pixel | (credits != {CREDIT_BITS{1'b0}});
  assign step = in_valid & in_ready;
  assign result_first = 1'b1;
  assign result_last = 1'b1;

  always @(posedge aclk) begin
    if (!aresetn) begin
      position <= {POSITION_BITS{1'b0}};
      credits <= CREDITS[CREDIT_BITS-1:0];
      accumulate_step <= 1'b0;
      last_step <= 1'b0;
      result_valid <= 1'b0;
    end else begin
      if (step) position <= last_pixel ? {POSITION_BITS{1'b0}} : position + 1'b1;
      if (emission & ~credit_return) credits <= credits - 1'b1;
      else if (~emission & credit_return) credits <= credits + 1'b1;
      accumulate_step <= step;
      last_step <= emission;
      result_valid <= last_step;
    end
    if (step) accumulate_first <= first_pixel;
    if (step & first_pixel) frame_user <= in_user;
    if (accumulate_step) result_user <= frame_user;
  end

endmodule

`default_nettype wire
