// df_skip_fifo: the FIFO on the shorter way around other stages, in front of a join. It holds the
// pixels that wait for the longer way. Its words are in a memory, an instance of df_sram_1r1w, whose
// read register is the FIFO's head.
//
// in_ready and out_valid depend on registers only. A word taken in cycle t can leave from t + 2 on; a
// word can be taken and another leave in every cycle. A word that leaves in t makes room from t + 1 on.
`default_nettype none

module df_skip_fifo #(
  parameter WIDTH = 8,   // bits a word
  parameter DEPTH = 4    // words, the head included; at least 1
) (
  input  wire             aclk,
  input  wire             aresetn,     // active low, synchronous
  input  wire             in_valid,
  output wire             in_ready,
  input  wire [WIDTH-1:0] in_data,
  output wire             out_valid,
  input  wire             out_ready,
  output wire [WIDTH-1:0] out_data
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

  localparam POINTER_BITS = bits_for(DEPTH - 1);
  localparam COUNT_BITS = bits_for(DEPTH);
  localparam LAST = DEPTH - 1;

  reg [COUNT_BITS-1:0] held;     // words taken and not left
  reg [COUNT_BITS-1:0] stored;   // of these in the memory and not read
  reg head_valid;
  reg [POINTER_BITS-1:0] write_pointer;
  reg [POINTER_BITS-1:0] read_pointer;

  assign in_ready = held != DEPTH[COUNT_BITS-1:0];
  assign out_valid = head_valid;

  wire enter = in_valid & in_ready;
  wire leave = head_valid & out_ready;
  wire read = (stored != {COUNT_BITS{1'b0}}) & (leave | ~head_valid);
  wire write_last = write_pointer == LAST[POINTER_BITS-1:0];
  wire read_last = read_pointer == LAST[POINTER_BITS-1:0];

  always @(posedge aclk) begin
    if (!aresetn) begin
      held <= {COUNT_BITS{1'b0}};
      stored <= {COUNT_BITS{1'b0}};
      head_valid <= 1'b0;
      write_pointer <= {POINTER_BITS{1'b0}};
      read_pointer <= {POINTER_BITS{1'b0}};
    end else begin
      if (enter & ~leave) held <= held + 1'b1;
      else if (leave & ~enter) held <= held - 1'b1;
      if (enter & ~read) stored <= stored + 1'b1;
      else if (read & ~enter) stored <= stored - 1'b1;
      head_valid <= read | (head_valid & ~leave);
      if (enter) write_pointer <= write_last ? {POINTER_BITS{1'b0}} : write_pointer + 1'b1;
      if (read) read_pointer <= read_last ? {POINTER_BITS{1'b0}} : read_pointer + 1'b1;
    end
  end

  // A word is read one cycle after it was written at the earliest: never both on one address.
  df_sram_1r1w #(
    .WIDTH(WIDTH),
    .DEPTH(DEPTH),
    .ADDRESS_BITS(POINTER_BITS)
  ) pixel_memory (
    .aclk(aclk),
    .read_enable(read),
    .read_address(read_pointer),
    .read_data(out_data),
    .write_enable(enter),
    .write_address(write_pointer),
    .write_data(in_data)
  );

endmodule

`default_nettype wire
