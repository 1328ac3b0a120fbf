// df_fifo: the FIFO at the end of a stage. It has no ready: the stage's control holds one credit a
// free word, and takes one before the word's window is even read.
//
// The head is a register of its own: a word written in cycle t is at out_data in t + 1 if the FIFO
// was empty or its only word left in t. The other DEPTH - 1 words are a ring of registers.
`default_nettype none

module df_fifo #(
  parameter WIDTH = 8,   // bits a word
  parameter DEPTH = 4    // words, the head included; at least 1
) (
  input  wire             aclk,
  input  wire             aresetn,        // active low, synchronous
  input  wire             in_valid,       // only with a free word
  input  wire [WIDTH-1:0] in_data,
  output wire             out_valid,
  input  wire             out_ready,
  output wire [WIDTH-1:0] out_data,
  output wire             credit_return   // a word leaves in this cycle
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

  reg head_valid;
  reg [WIDTH-1:0] head;

  wire pop = head_valid & out_ready;

  assign out_valid = head_valid;
  assign out_data = head;
  assign credit_return = pop;

  generate
    if (DEPTH == 1) begin : head_only
      always @(posedge aclk) begin
        if (!aresetn) head_valid <= 1'b0;
        else head_valid <= in_valid | (head_valid & ~pop);
        if (in_valid) head <= in_data;
      end
    end else begin : with_ring
      localparam WORDS = DEPTH - 1;
      localparam POINTER_BITS = bits_for(WORDS - 1);
      localparam COUNT_BITS = bits_for(WORDS);
      localparam LAST = WORDS - 1;

      reg [WIDTH-1:0] ring [0:WORDS-1];
      reg [POINTER_BITS-1:0] write_pointer;
      reg [POINTER_BITS-1:0] read_pointer;
      reg [COUNT_BITS-1:0] count;   // words in the ring

      wire write_last = write_pointer == LAST[POINTER_BITS-1:0];
      wire read_last = read_pointer == LAST[POINTER_BITS-1:0];
      wire ring_empty = count == {COUNT_BITS{1'b0}};
      wire head_free = pop | ~head_valid;
      wire leave = head_free & ~ring_empty;
      wire enter = in_valid & ~(head_free & ring_empty);

      always @(posedge aclk) begin
        if (!aresetn) begin
          head_valid <= 1'b0;
          write_pointer <= {POINTER_BITS{1'b0}};
          read_pointer <= {POINTER_BITS{1'b0}};
          count <= {COUNT_BITS{1'b0}};
        end else begin
          if (head_free) head_valid <= in_valid | ~ring_empty;
          if (enter) write_pointer <= write_last ? {POINTER_BITS{1'b0}} : write_pointer + 1'b1;
          if (leave) read_pointer <= read_last ? {POINTER_BITS{1'b0}} : read_pointer + 1'b1;
          if (enter & ~leave) count <= count + 1'b1;
          else if (leave & ~enter) count <= count - 1'b1;
        end
        if (leave) head <= ring[read_pointer];
        else if (head_free & in_valid) head <= in_data;
        if (enter) ring[write_pointer] <= in_data;
      end
    end
  endgenerate

endmodule

`default_nettype wire
