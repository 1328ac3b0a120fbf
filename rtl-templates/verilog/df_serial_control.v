// df_serial_control: the control of a stage that takes weighted sums over whole frames step by step
// (fully connected layers), with df_serial_accumulator and a ROM of weights behind it.
//
// Accepts IMAGE_HEIGHT*IMAGE_WIDTH pixels a frame and works on each for STEPS clocks, during which
// in_ready is low but in the last; gives one result a frame. Only the last pixel needs a credit (room
// in the FIFO behind the stage).
//
// Timing: load in cycle t, the handshake's; step in t + 1 ... t + STEPS, with the address of each
// step's word, which the ROM puts out a cycle later; the next pixel at t + STEPS at the earliest;
// result_valid DRAIN cycles after the frame's last step, for this one cycle if the next frame follows
// at once. IMAGE_HEIGHT*IMAGE_WIDTH*STEPS must not be less than DRAIN.
`default_nettype none

module df_serial_control #(
  parameter IMAGE_HEIGHT = 1,
  parameter IMAGE_WIDTH = 1,
  parameter STEPS = 8,           // clocks a pixel, at least 1
  parameter GROUP_STEPS = 8,     // of them for one group of sums; divides STEPS
  parameter DRAIN = 3,           // from a frame's last step to its sums, at least 2
  parameter ADDRESS_BITS = 3,    // enough for IMAGE_HEIGHT*IMAGE_WIDTH*STEPS - 1
  parameter USER_BITS = 1,       // sideband bits, at least 1: tie in_user to 0 for none
  parameter CREDITS = 4          // depth of the FIFO behind the stage, at least 1
) (
  input  wire                    aclk,
  input  wire                    aresetn,        // active low, synchronous
  input  wire                    in_valid,
  output wire                    in_ready,
  input  wire [USER_BITS-1:0]    in_user,        // read at a frame's first pixel
  output wire                    load,           // enable of the registers that hold the pixel
  output wire                    step,           // one step of weights and codes
  output reg  [ADDRESS_BITS-1:0] address,        // of the step's word, frame by frame from 0
  output wire                    group_first,    // the step is the first of a group of sums
  output reg                     frame_first,    // the step is of the frame's first pixel
  output wire                    result_valid,   // the accumulators hold a frame's sums
  output wire                    result_first,   // first output of its frame: always
  output wire                    result_last,    // last output of its line: always
  output reg  [USER_BITS-1:0]    result_user,    // sideband of the result's frame
  input  wire                    credit_return   // the FIFO gave a word away
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
  localparam LEFT_BITS = bits_for(STEPS);
  localparam PHASE_BITS = bits_for(GROUP_STEPS - 1);
  localparam CREDIT_BITS = bits_for(CREDITS);
  localparam LAST_PIXEL = PIXELS - 1;
  localparam LAST_PHASE = GROUP_STEPS - 1;
  localparam ONE = 1;

  reg [POSITION_BITS-1:0] position;
  reg [LEFT_BITS-1:0] left;
  reg [PHASE_BITS-1:0] phase;
  reg [CREDIT_BITS-1:0] credits;
  reg [DRAIN-1:0] drain;
  reg frame_last;
  reg [USER_BITS-1:0] frame_user;

  wire first_pixel = position == {POSITION_BITS{1'b0}};
  wire last_pixel = position == LAST_PIXEL[POSITION_BITS-1:0];
  wire last_step = left == ONE[LEFT_BITS-1:0];
  wire last_phase = phase == LAST_PHASE[PHASE_BITS-1:0];
  wire emission = load & last_pixel;
  wire finished = last_step & frame_last;

  assign step = left != {LEFT_BITS{1'b0}};
  assign in_ready = (~step | last_step) & (~last_pixel | (credits != {CREDIT_BITS{1'b0}}));
  assign load = in_valid & in_ready;
  assign group_first = phase == {PHASE_BITS{1'b0}};
  assign result_valid = drain[DRAIN-1];
  assign result_first = 1'b1;
  assign result_last = 1'b1;

  always @(posedge aclk) begin
    if (!aresetn) begin
      position <= {POSITION_BITS{1'b0}};
      left <= {LEFT_BITS{1'b0}};
      credits <= CREDITS[CREDIT_BITS-1:0];
      drain <= {DRAIN{1'b0}};
    end else begin
      if (load) position <= last_pixel ? {POSITION_BITS{1'b0}} : position + 1'b1;
      if (load) left <= STEPS[LEFT_BITS-1:0];
      else if (step) left <= left - 1'b1;
      if (emission & ~credit_return) credits <= credits - 1'b1;
      else if (~emission & credit_return) credits <= credits + 1'b1;
      drain <= {drain[DRAIN-2:0], finished};
    end
    if (load & first_pixel) address <= {ADDRESS_BITS{1'b0}};
    else if (step) address <= address + 1'b1;
    if (load) phase <= {PHASE_BITS{1'b0}};
    else if (step) phase <= last_phase ? {PHASE_BITS{1'b0}} : phase + 1'b1;
    if (load) frame_first <= first_pixel;
    if (load) frame_last <= last_pixel;
    if (load & first_pixel) frame_user <= in_user;
    if (finished) result_user <= frame_user;
  end

endmodule

`default_nettype wire
