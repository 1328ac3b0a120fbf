// df_valid_pipeline: what travels beside a stage's datapath: the valid bit, the marks and the
// sideband of an output, through as many ranks as the datapath has. Free running like the datapath;
// only the valid bits are reset.
//
// valid[0] is in_valid, valid[r] says that rank r of the datapath holds an output's values, and
// out_first ... out_user belong to valid[RANKS].
`default_nettype none

module df_valid_pipeline #(
  parameter RANKS = 1,       // ranks of registers in the datapath, at least 1
  parameter USER_BITS = 1    // sideband bits, at least 1
) (
  input  wire                 aclk,
  input  wire                 aresetn,    // active low, synchronous
  input  wire                 in_valid,
  input  wire                 in_first,
  input  wire                 in_last,
  input  wire [USER_BITS-1:0] in_user,
  output wire [RANKS:0]       valid,
  output wire                 out_first,
  output wire                 out_last,
  output wire [USER_BITS-1:0] out_user
);

  localparam MARK_BITS = USER_BITS + 2;

  reg  [RANKS-1:0]               valids;
  reg  [RANKS*MARK_BITS-1:0]     marks;
  wire [(RANKS+1)*MARK_BITS-1:0] marks_in = {marks, in_user, in_first, in_last};

  assign valid = {valids, in_valid};
  assign {out_user, out_first, out_last} = marks_in[RANKS*MARK_BITS +: MARK_BITS];

  always @(posedge aclk) begin
    if (!aresetn) valids <= {RANKS{1'b0}};
    else valids <= valid[RANKS-1:0];
    marks <= marks_in[RANKS*MARK_BITS-1:0];
  end

endmodule

`default_nettype wire
