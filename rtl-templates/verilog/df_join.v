// df_join: several streams with one reader, which takes a beat of each at a time. Without a register.
//
// The reader's out_ready must not depend on out_valid in the same cycle, and an input's in_valid not on
// its in_ready.
`default_nettype none

module df_join #(
  parameter INPUTS = 2   // at least 2
) (
  input  wire [INPUTS-1:0] in_valid,
  output wire [INPUTS-1:0] in_ready,
  output wire              out_valid,
  input  wire              out_ready
);

  assign out_valid = &in_valid;

  genvar index;
  generate
    for (index = 0; index < INPUTS; index = index + 1) begin : inputs
      localparam [INPUTS-1:0] SELF = {{(INPUTS-1){1'b0}}, 1'b1} << index;
      assign in_ready[index] = out_ready & (&(in_valid | SELF));
    end
  endgenerate

endmodule

`default_nettype wire
