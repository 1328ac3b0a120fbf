// df_window_control: the control of one sliding window over a stream of pixels, one pixel a clock.
//
// A step moves the window's linear delay line one place: either an input pixel is accepted, or,
// between two frames, a flush bubble is inserted. A frame's first output belongs to the step
// DELAY steps after the one of its first pixel; from then on the anchor runs in raster order over
// the map, one place a step, and a step emits when the anchor is on the output grid. The last
// output of a frame needs FLUSH steps after its last pixel: bubbles, or pixels of the next frame,
// which take their place, so a flush never blocks the input. Frames received but not begun at the
// output wait, each with its sideband, in the start queue.
//
// A step that emits needs a credit: room in the FIFO behind the stage. Nothing else lowers
// in_ready.
//
// Timing: step in cycle t (the handshake's cycle, for a pixel); column_step in t + 1, where the
// window registers have their enable, with row_real and column_real, which are registered along
// with the window, as often as their fan-out wants; window_valid in t + 2, where the registers hold
// the window. window_first ... window_user are valid with it and stand still until the window moves
// on, as row_real and column_real do until the next column_step.
//
// Required of the geometry: PAD_TOP and PAD_LEFT <= reach - 1; with the pads after that the outputs
// really use, PAD_TOP + PAD_BOTTOM and PAD_LEFT + PAD_RIGHT <= reach - 1.
`default_nettype none

module df_window_control #(
  parameter IMAGE_HEIGHT = 8,
  parameter IMAGE_WIDTH = 8,
  parameter KERNEL_HEIGHT = 3,
  parameter KERNEL_WIDTH = 3,
  parameter STRIDE_Y = 1,
  parameter STRIDE_X = 1,
  parameter DILATION_Y = 1,
  parameter DILATION_X = 1,
  parameter PAD_TOP = 1,
  parameter PAD_LEFT = 1,
  parameter OUTPUT_HEIGHT = 8,
  parameter OUTPUT_WIDTH = 8,
  parameter USER_BITS = 1,       // sideband bits, at least 1: tie in_user to 0 for none
  parameter CREDITS = 8          // depth of the FIFO behind the stage, at least 1
) (
  input  wire                     aclk,
  input  wire                     aresetn,        // active low, synchronous
  input  wire                     in_valid,
  output wire                     in_ready,
  input  wire [USER_BITS-1:0]     in_user,        // read at a frame's first pixel
  output wire                     step,           // to the line buffer
  output reg                      column_step,    // enable of the window registers
  output reg  [KERNEL_HEIGHT-1:0] row_real,       // bit a: kernel row a is inside the image
  output reg  [KERNEL_WIDTH-1:0]  column_real,    // bit b: kernel column b is inside the image
  output reg                      window_valid,   // the window registers hold an output's window
  output reg                      window_first,   // first output of its frame
  output reg                      window_last,    // last output of its line
  output reg  [USER_BITS-1:0]     window_user,    // sideband of the output's frame
  input  wire                     credit_return   // the FIFO gave a word away
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

  localparam REACH_Y = (KERNEL_HEIGHT - 1) * DILATION_Y + 1;
  localparam REACH_X = (KERNEL_WIDTH - 1) * DILATION_X + 1;
  localparam PIXELS = IMAGE_HEIGHT * IMAGE_WIDTH;

  // Steps from a frame's first pixel to its first output.
  localparam DELAY = (REACH_Y - 1 - PAD_TOP) * IMAGE_WIDTH + (REACH_X - 1 - PAD_LEFT);
  // Steps from a frame's last pixel to its last output; negative when the output comes before.
  localparam PAD_BOTTOM = (OUTPUT_HEIGHT - 1) * STRIDE_Y + REACH_Y - PAD_TOP - IMAGE_HEIGHT;
  localparam PAD_RIGHT = (OUTPUT_WIDTH - 1) * STRIDE_X + REACH_X - PAD_LEFT - IMAGE_WIDTH;
  localparam TAIL = PAD_BOTTOM * IMAGE_WIDTH + PAD_RIGHT;
  localparam FLUSH = TAIL > 0 ? TAIL : 0;
  // Frames that can be begun at the input and not yet at the output before a step. The start is
  // decided one step ahead, hence the 1.
  localparam QUEUE = DELAY > 1 ? (DELAY - 1 + PIXELS - 1) / PIXELS : 0;

  localparam POSITION_BITS = bits_for(PIXELS - 1);
  localparam FLUSH_BITS = bits_for(FLUSH);
  localparam DELAY_BITS = bits_for(DELAY);
  localparam ROW_BITS = bits_for(IMAGE_HEIGHT - 1);
  localparam COLUMN_BITS = bits_for(IMAGE_WIDTH - 1);
  localparam CREDIT_BITS = bits_for(CREDITS);

  localparam LAST_PIXEL = PIXELS - 1;
  localparam LAST_ROW = IMAGE_HEIGHT - 1;
  localparam LAST_COLUMN = IMAGE_WIDTH - 1;
  localparam LAST_OUTPUT_ROW = (OUTPUT_HEIGHT - 1) * STRIDE_Y;
  localparam LAST_OUTPUT_COLUMN = (OUTPUT_WIDTH - 1) * STRIDE_X;

  // ---- Input: the position in the frame that is received, pixels only.

  reg [POSITION_BITS-1:0] position;

  wire accept = in_valid & in_ready;
  wire between_frames = position == {POSITION_BITS{1'b0}};
  wire first_pixel = accept & between_frames;
  wire last_pixel = accept & (position == LAST_PIXEL[POSITION_BITS-1:0]);

  always @(posedge aclk) begin
    if (!aresetn) position <= {POSITION_BITS{1'b0}};
    else if (accept) position <= last_pixel ? {POSITION_BITS{1'b0}} : position + 1'b1;
  end

  // ---- Steps: pixels, and bubbles that flush the end of a frame.

  wire emit;
  wire flush_step;
  reg [CREDIT_BITS-1:0] credits;

  assign in_ready = ~emit | (credits != {CREDIT_BITS{1'b0}});
  assign step = accept | flush_step;

  generate
    if (FLUSH > 0) begin : flush
      reg [FLUSH_BITS-1:0] flush_left;

      wire flushed = flush_left == {FLUSH_BITS{1'b0}};

      assign flush_step = ~in_valid & between_frames & in_ready & ~flushed;

      always @(posedge aclk) begin
        if (!aresetn) flush_left <= {FLUSH_BITS{1'b0}};
        else if (last_pixel) flush_left <= FLUSH[FLUSH_BITS-1:0];
        else if (step & ~flushed) flush_left <= flush_left - 1'b1;
      end
    end else begin : no_flush
      assign flush_step = 1'b0;
    end
  endgenerate

  // ---- Start queue: which step starts a frame at the output, and the frame's sideband.
  // `start` is high in the step before the one of the frame's first output; without a delay there
  // is no such step.

  wire start;
  wire [USER_BITS-1:0] start_user;

  generate
    if (DELAY == 0) begin : at_once
      assign start = 1'b0;
      assign start_user = in_user;
    end else if (QUEUE == 0) begin : no_queue
      assign start = first_pixel;
      assign start_user = in_user;
    end else begin : start_queue
      localparam STEPS_LEFT = DELAY - 2;

      // Slot 0 is the oldest frame; bit i of `waiting` says that slot i holds one.
      reg [QUEUE-1:0] waiting;
      reg [QUEUE*DELAY_BITS-1:0] steps_left;   // until the step of `start`
      reg [QUEUE*USER_BITS-1:0] users;

      // After the shift that a start makes; a new frame goes into the lowest free slot of these.
      wire [QUEUE-1:0] kept = start ? waiting >> 1 : waiting;
      wire [QUEUE*DELAY_BITS-1:0] kept_steps = start ? steps_left >> DELAY_BITS : steps_left;
      wire [QUEUE*USER_BITS-1:0] kept_users = start ? users >> USER_BITS : users;
      wire [QUEUE-1:0] filled_below = ~(~kept << 1);
      wire [QUEUE-1:0] push = {QUEUE{first_pixel}} & filled_below & ~kept;

      assign start = step & waiting[0] & (steps_left[DELAY_BITS-1:0] == {DELAY_BITS{1'b0}});
      assign start_user = users[USER_BITS-1:0];

      always @(posedge aclk) begin
        if (!aresetn) waiting <= {QUEUE{1'b0}};
        else waiting <= kept | push;
      end

      genvar slot;
      for (slot = 0; slot < QUEUE; slot = slot + 1) begin : slots
        always @(posedge aclk) begin
          if (push[slot]) begin
            steps_left[slot*DELAY_BITS +: DELAY_BITS] <= STEPS_LEFT[DELAY_BITS-1:0];
            users[slot*USER_BITS +: USER_BITS] <= in_user;
          end else if (step & kept[slot]) begin
            steps_left[slot*DELAY_BITS +: DELAY_BITS] <=
              kept_steps[slot*DELAY_BITS +: DELAY_BITS] - 1'b1;
            users[slot*USER_BITS +: USER_BITS] <= kept_users[slot*USER_BITS +: USER_BITS];
          end
        end
      end
    end
  endgenerate

  // ---- Anchor: the output position, in input pixels, of the next step.

  reg [ROW_BITS-1:0] row;
  reg [COLUMN_BITS-1:0] column;
  wire active;
  wire [USER_BITS-1:0] anchor_user;

  wire line_end = column == LAST_COLUMN[COLUMN_BITS-1:0];
  wire frame_end = line_end & (row == LAST_ROW[ROW_BITS-1:0]);

  generate
    if (DELAY == 0) begin : anchor_is_input
      // The anchor is the received pixel: the row and column of the next one.
      reg [USER_BITS-1:0] held_user;
      wire unused = &{1'b0, start, start_user};

      assign active = 1'b1;
      assign anchor_user = between_frames ? in_user : held_user;

      always @(posedge aclk) begin
        if (first_pixel) held_user <= in_user;
        if (!aresetn) begin
          row <= {ROW_BITS{1'b0}};
          column <= {COLUMN_BITS{1'b0}};
        end else if (step) begin
          column <= line_end ? {COLUMN_BITS{1'b0}} : column + 1'b1;
          if (line_end) row <= frame_end ? {ROW_BITS{1'b0}} : row + 1'b1;
        end
      end
    end else begin : anchor_follows
      reg running;
      reg [USER_BITS-1:0] held_user;

      assign active = running;
      assign anchor_user = held_user;

      always @(posedge aclk) begin
        if (start) held_user <= start_user;
        if (!aresetn) begin
          running <= 1'b0;
          row <= {ROW_BITS{1'b0}};
          column <= {COLUMN_BITS{1'b0}};
        end else if (start) begin
          running <= 1'b1;
          row <= {ROW_BITS{1'b0}};
          column <= {COLUMN_BITS{1'b0}};
        end else if (step & running) begin
          running <= ~frame_end;
          column <= line_end ? {COLUMN_BITS{1'b0}} : column + 1'b1;
          if (line_end) row <= frame_end ? {ROW_BITS{1'b0}} : row + 1'b1;
        end
      end
    end
  endgenerate

  // ---- Emission: the anchor is on the output grid, which may end before the map does.

  wire row_in_phase;
  wire column_in_phase;
  wire on_row;
  wire on_column;

  generate
    if (STRIDE_Y == 1) begin : every_row
      assign row_in_phase = 1'b1;
    end else begin : row_phases
      localparam PHASE_BITS = bits_for(STRIDE_Y - 1);
      localparam LAST_PHASE = STRIDE_Y - 1;

      reg [PHASE_BITS-1:0] phase;   // row modulo STRIDE_Y
      wire last_phase = phase == LAST_PHASE[PHASE_BITS-1:0];

      assign row_in_phase = phase == {PHASE_BITS{1'b0}};

      always @(posedge aclk) begin
        if (!aresetn || start) phase <= {PHASE_BITS{1'b0}};
        else if (step & active & line_end)
          phase <= (frame_end | last_phase) ? {PHASE_BITS{1'b0}} : phase + 1'b1;
      end
    end

    if (LAST_OUTPUT_ROW == LAST_ROW) begin : rows_to_end
      assign on_row = row_in_phase;
    end else begin : rows_end_early
      assign on_row = row_in_phase & (row <= LAST_OUTPUT_ROW[ROW_BITS-1:0]);
    end

    if (STRIDE_X == 1) begin : every_column
      assign column_in_phase = 1'b1;
    end else begin : column_phases
      localparam PHASE_BITS = bits_for(STRIDE_X - 1);
      localparam LAST_PHASE = STRIDE_X - 1;

      reg [PHASE_BITS-1:0] phase;   // column modulo STRIDE_X
      wire last_phase = phase == LAST_PHASE[PHASE_BITS-1:0];

      assign column_in_phase = phase == {PHASE_BITS{1'b0}};

      always @(posedge aclk) begin
        if (!aresetn || start) phase <= {PHASE_BITS{1'b0}};
        else if (step & active)
          phase <= (line_end | last_phase) ? {PHASE_BITS{1'b0}} : phase + 1'b1;
      end
    end

    if (LAST_OUTPUT_COLUMN == LAST_COLUMN) begin : columns_to_end
      assign on_column = column_in_phase;
    end else begin : columns_end_early
      assign on_column = column_in_phase & (column <= LAST_OUTPUT_COLUMN[COLUMN_BITS-1:0]);
    end
  endgenerate

  assign emit = active & on_row & on_column;

  // ---- Credits.

  wire emission = step & emit;

  always @(posedge aclk) begin
    if (!aresetn) credits <= CREDITS[CREDIT_BITS-1:0];
    else if (emission & ~credit_return) credits <= credits - 1'b1;
    else if (~emission & credit_return) credits <= credits + 1'b1;
  end

  // ---- Along with the memory and the window registers: the step, and the taps inside the image.

  wire [KERNEL_HEIGHT-1:0] anchor_row_real;
  wire [KERNEL_WIDTH-1:0] anchor_column_real;

  genvar a;
  generate
    for (a = 0; a < KERNEL_HEIGHT; a = a + 1) begin : kernel_rows
      // Inside for anchor rows FIRST ... LAST.
      localparam FIRST = PAD_TOP - a * DILATION_Y;
      localparam LAST = IMAGE_HEIGHT - 1 + PAD_TOP - a * DILATION_Y;
      wire from_first;
      wire to_last;
      if (FIRST <= 0) begin : not_above
        assign from_first = 1'b1;
      end else if (FIRST >= IMAGE_HEIGHT) begin : always_above
        assign from_first = 1'b0;
      end else begin : above
        assign from_first = row >= FIRST[ROW_BITS-1:0];
      end
      if (LAST >= IMAGE_HEIGHT - 1) begin : not_below
        assign to_last = 1'b1;
      end else if (LAST < 0) begin : always_below
        assign to_last = 1'b0;
      end else begin : below
        assign to_last = row <= LAST[ROW_BITS-1:0];
      end
      assign anchor_row_real[a] = from_first & to_last;
    end

    for (a = 0; a < KERNEL_WIDTH; a = a + 1) begin : kernel_columns
      localparam FIRST = PAD_LEFT - a * DILATION_X;
      localparam LAST = IMAGE_WIDTH - 1 + PAD_LEFT - a * DILATION_X;
      wire from_first;
      wire to_last;
      if (FIRST <= 0) begin : not_left
        assign from_first = 1'b1;
      end else if (FIRST >= IMAGE_WIDTH) begin : always_left
        assign from_first = 1'b0;
      end else begin : left
        assign from_first = column >= FIRST[COLUMN_BITS-1:0];
      end
      if (LAST >= IMAGE_WIDTH - 1) begin : not_right
        assign to_last = 1'b1;
      end else if (LAST < 0) begin : always_right
        assign to_last = 1'b0;
      end else begin : right
        assign to_last = column <= LAST[COLUMN_BITS-1:0];
      end
      assign anchor_column_real[a] = from_first & to_last;
    end
  endgenerate

  reg column_valid;
  reg next_first;
  reg next_last;
  reg [USER_BITS-1:0] next_user;

  always @(posedge aclk) begin
    if (!aresetn) begin
      column_step <= 1'b0;
      column_valid <= 1'b0;
      window_valid <= 1'b0;
    end else begin
      column_step <= step;
      column_valid <= emission;
      window_valid <= column_valid;
    end
    if (step) begin
      row_real <= anchor_row_real;
      column_real <= anchor_column_real;
      next_first <= (row == {ROW_BITS{1'b0}}) & (column == {COLUMN_BITS{1'b0}});
      next_last <= column == LAST_OUTPUT_COLUMN[COLUMN_BITS-1:0];
      next_user <= anchor_user;
    end
    if (column_step) begin
      window_first <= next_first;
      window_last <= next_last;
      window_user <= next_user;
    end
  end

endmodule

`default_nettype wire
