// df_serial_accumulator: weighted sums of a pixel's codes, UNROLL codes and LANES sums a clock, for
// df_serial_control.
//
// load takes the codes. A step multiplies the lowest UNROLL of them with the weights that the ROM
// gives one cycle after it, adds the products of a lane up, and turns the codes by UNROLL places. A
// lane has GROUPS sums, one behind the other; group_first turns to the next of them. With frame_first
// a sum begins anew. So CODES/UNROLL steps serve a group, and GROUPS times as many the pixel.
//
// sums, of group g and lane l at (g*LANES + l)*SUM_BITS, hold a frame's sums modulo 2^SUM_BITS when
// LEVELS + 3 cycles have passed since the last step, LEVELS the levels of a tree of UNROLL products.
// Nothing is reset: every sum begins with frame_first.
`default_nettype none

module df_serial_accumulator #(
  parameter CODES = 8,           // a multiple of UNROLL
  parameter CODE_BITS = 8,
  parameter CODE_SIGNED = 0,
  parameter WEIGHT_BITS = 8,     // of signed weights
  parameter UNROLL = 1,
  parameter LANES = 1,
  parameter GROUPS = 1,
  parameter SUM_BITS = 20        // at least CODE_BITS + WEIGHT_BITS + LEVELS
) (
  input  wire                                aclk,
  input  wire                                load,
  input  wire [CODES*CODE_BITS-1:0]          codes,        // the first code lowest
  input  wire                                step,
  input  wire                                group_first,
  input  wire                                frame_first,
  input  wire [LANES*UNROLL*WEIGHT_BITS-1:0] weights,      // of lane l, code u at l*UNROLL + u
  output wire [GROUPS*LANES*SUM_BITS-1:0]    sums
);

  // Levels of a tree of `terms`.
  function integer levels_of;
    input integer terms;
    integer rest;
    begin
      levels_of = 0;
      for (rest = terms - 1; rest > 0; rest = rest >> 1) levels_of = levels_of + 1;
    end
  endfunction

  localparam LEVELS = levels_of(UNROLL);
  localparam LEAVES = 1 << LEVELS;
  localparam HELD_BITS = CODES * CODE_BITS;
  localparam TURN_BITS = UNROLL * CODE_BITS;
  localparam AGES = LEVELS + 2;
  localparam TERM_BITS = CODE_BITS + WEIGHT_BITS + LEVELS;

  reg [HELD_BITS-1:0] held;
  reg [TURN_BITS-1:0] operands;
  // By age: of the weights, of the products, of each level of the tree.
  reg [AGES-1:0] steps;
  reg [AGES-1:0] group_firsts;
  reg [AGES-1:0] frame_firsts;
  wire add = steps[AGES-1];
  wire turn = group_firsts[AGES-1];
  wire clear = turn & frame_firsts[AGES-1];

  always @(posedge aclk) begin
    if (load) held <= codes;
    else if (step) held <= (held >> TURN_BITS) | (held << (HELD_BITS - TURN_BITS));
    if (step) operands <= held[TURN_BITS-1:0];
    steps <= {steps[AGES-2:0], step};
    group_firsts <= {group_firsts[AGES-2:0], group_first};
    frame_firsts <= {frame_firsts[AGES-2:0], frame_first};
  end

  genvar lane, leaf, node, group;
  generate
    for (lane = 0; lane < LANES; lane = lane + 1) begin : lanes
      // A tree: node n is the sum of nodes 2n + 1 and 2n + 2; the last LEAVES are the products.
      reg [(2*LEAVES-1)*TERM_BITS-1:0] terms;
      for (node = 0; node < LEAVES - 1; node = node + 1) begin : nodes
        always @(posedge aclk)
          terms[node*TERM_BITS +: TERM_BITS] <=
            terms[(2*node + 1)*TERM_BITS +: TERM_BITS] + terms[(2*node + 2)*TERM_BITS +: TERM_BITS];
      end
      for (leaf = 0; leaf < LEAVES; leaf = leaf + 1) begin : leaves
        wire signed [TERM_BITS-1:0] product;
        if (leaf < UNROLL) begin : used
          wire [CODE_BITS-1:0] bits = operands[leaf*CODE_BITS +: CODE_BITS];
          wire signed [CODE_BITS:0] code = {(CODE_SIGNED != 0) & bits[CODE_BITS-1], bits};
          wire signed [WEIGHT_BITS-1:0] weight =
            weights[(lane*UNROLL + leaf)*WEIGHT_BITS +: WEIGHT_BITS];
          assign product = code * weight;
        end else begin : none
          assign product = {TERM_BITS{1'b0}};
        end
        always @(posedge aclk)
          if (steps[0]) terms[(LEAVES - 1 + leaf)*TERM_BITS +: TERM_BITS] <= product;
      end
      // The sum that is added to is the highest.
      reg [GROUPS*SUM_BITS-1:0] ring;
      wire [SUM_BITS-1:0] old =
        turn ? ring[SUM_BITS-1:0] : ring[(GROUPS-1)*SUM_BITS +: SUM_BITS];
      wire [SUM_BITS-1:0] term =
        {{(SUM_BITS-TERM_BITS+1){terms[TERM_BITS-1]}}, terms[TERM_BITS-2:0]};
      always @(posedge aclk)
        if (add) begin
          if (turn) ring <= ring >> SUM_BITS;
          ring[(GROUPS-1)*SUM_BITS +: SUM_BITS] <= (clear ? {SUM_BITS{1'b0}} : old) + term;
        end
      for (group = 0; group < GROUPS; group = group + 1) begin : groups
        assign sums[(group*LANES + lane)*SUM_BITS +: SUM_BITS] = ring[group*SUM_BITS +: SUM_BITS];
      end
    end
  endgenerate

endmodule

`default_nettype wire
