// df_fork: one stream with several readers. A beat is taken by all of them in one cycle: each is
// offered it when all the others can take it. Without a register.
//
// A reader's out_ready must not depend on its out_valid in the same cycle: stages and skip FIFOs keep
// to that, a join reads a forked stream behind a skip FIFO.
`default_nettype none

module df_fork #(
  parameter READERS = 2   // at least 2
) (
  input  wire               in_valid,
  output wire               in_ready,
  output wire [READERS-1:0] out_valid,
  input  wire [READERS-1:0] out_ready
);

  assign in_ready = &out_ready;

  genvar reader;
  generate
    for (reader = 0; reader < READERS; reader = reader + 1) begin : readers
      localparam [READERS-1:0] SELF = {{(READERS-1){1'b0}}, 1'b1} << reader;
      assign out_valid[reader] = in_valid & (&(out_ready | SELF));
    end
  endgenerate

endmodule

`default_nettype wire
