// df_line_buffer: the rows of a map that a sliding window needs besides the current one.
//
// A linear delay line: kernel row a of `column` is the pixel (KERNEL_HEIGHT-1-a)*DILATION_Y rows,
// that is so many times IMAGE_WIDTH steps, before the current pixel. It holds
// (KERNEL_HEIGHT-1)*DILATION_Y rows, none for a kernel of one row. All rows of one column are one
// word of one memory; a step reads the word, and one cycle later the word, with the current pixel
// shifted in, goes back to the same address. The address runs modulo IMAGE_WIDTH over all steps,
// flush bubbles included, and is never restarted at a start of frame: distances stay linear.
// For IMAGE_WIDTH = 1 read and write would meet on one address, so the rows are registers.
//
// Timing: step and pixel in cycle t, column in cycle t + 1, the cycle of column_step; column stands
// still until the cycle after the next step.
`default_nettype none

module df_line_buffer #(
  parameter PIXEL_BITS = 8,      // bits of a pixel, all channels
  parameter KERNEL_HEIGHT = 3,   // rows of the kernel
  parameter DILATION_Y = 1,      // distance of two kernel rows in rows of the map
  parameter IMAGE_WIDTH = 16     // columns of the map
) (
  input  wire                                aclk,
  input  wire                                aresetn,      // active low, synchronous
  input  wire                                step,         // the delay line moves one place
  input  wire                                column_step,  // step, one cycle later
  input  wire [PIXEL_BITS-1:0]               pixel,        // current pixel; anything in a bubble
  // One pixel a kernel row, the top (oldest) row in the most significant bits:
  // kernel row a in bits (KERNEL_HEIGHT-1-a)*PIXEL_BITS +: PIXEL_BITS.
  output wire [KERNEL_HEIGHT*PIXEL_BITS-1:0] column
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

  localparam ROWS = (KERNEL_HEIGHT - 1) * DILATION_Y;

  reg [PIXEL_BITS-1:0] current;

  always @(posedge aclk) if (step) current <= pixel;

  assign column[PIXEL_BITS-1:0] = current;

  generate
    if (ROWS == 0) begin : no_rows
      wire unused = &{1'b0, aresetn, column_step};
    end else begin : rows
      localparam WORD_BITS = ROWS * PIXEL_BITS;

      // The newest row in the least significant bits.
      wire [WORD_BITS-1:0] word;
      wire [WORD_BITS-1:0] next_word;

      if (ROWS == 1) begin : one_row
        assign next_word = current;
      end else begin : several_rows
        assign next_word = {word[WORD_BITS-PIXEL_BITS-1:0], current};
      end

      if (IMAGE_WIDTH == 1) begin : registers
        reg [WORD_BITS-1:0] held;
        wire unused = &{1'b0, aresetn};

        always @(posedge aclk) if (column_step) held <= next_word;
        assign word = held;
      end else begin : memory
        localparam ADDRESS_BITS = bits_for(IMAGE_WIDTH - 1);
        localparam LAST = IMAGE_WIDTH - 1;

        reg [ADDRESS_BITS-1:0] pointer;
        reg [ADDRESS_BITS-1:0] write_pointer;
        wire last_column = pointer == LAST[ADDRESS_BITS-1:0];

        always @(posedge aclk) begin
          if (!aresetn) pointer <= {ADDRESS_BITS{1'b0}};
          else if (step) pointer <= last_column ? {ADDRESS_BITS{1'b0}} : pointer + 1'b1;
          if (step) write_pointer <= pointer;
        end

        df_sram_1r1w #(
          .WIDTH(WORD_BITS),
          .DEPTH(IMAGE_WIDTH),
          .ADDRESS_BITS(ADDRESS_BITS)
        ) line_memory (
          .aclk(aclk),
          .read_enable(step),
          .read_address(pointer),
          .read_data(word),
          .write_enable(column_step),
          .write_address(write_pointer),
          .write_data(next_word)
        );
      end

      genvar back;
      for (back = 1; back < KERNEL_HEIGHT; back = back + 1) begin : kernel_row
        assign column[back*PIXEL_BITS +: PIXEL_BITS] =
          word[(back*DILATION_Y-1)*PIXEL_BITS +: PIXEL_BITS];
      end
    end
  endgenerate

endmodule

`default_nettype wire
