// df_batchnorm_bank: the shadow bank of one layer's adaptive batch norm, and the way to read it and
// the bank in use.
//
// A channel is a word of `shadow` and `active`, channel 0 lowest: {shift, scale, bias}, 5 bits,
// SCALE_BITS and BIAS_BITS. On the bus it has three registers of 32 bits:
//
//   field 0  bias: two's complement, BIAS_BITS wide; bits above are copies of its sign
//   field 1  multiplier: 31 bits, 0 or with bit 30 set, the lowest 31 - SCALE_BITS zero
//   field 2  shift: 0 ... 31; the multiplier is multiplier * 2^(-31 - shift)
//
// An access takes two cycles. In the first, `select` and the address stand and `word` is read; in
// the second, `word` and `found` are there, `merged` (the register as a write would leave it) is
// checked and, with `write`, taken where `accepts` is high. Nothing else changes a bank: a word that
// is not accepted leaves it as it was.
`default_nettype none

module df_batchnorm_bank #(
  parameter CHANNELS = 2,
  parameter CHANNEL_BITS = 1,    // of the address, at least 1
  parameter BIAS_BITS = 16,      // 2 ... 32
  parameter SCALE_BITS = 31,     // 2 ... 31
  // The trained values, which reset restores.
  parameter [CHANNELS*(BIAS_BITS+SCALE_BITS+5)-1:0] TRAINED =
    {CHANNELS*(BIAS_BITS+SCALE_BITS+5){1'b0}}
) (
  input  wire                    aclk,
  input  wire                    aresetn,     // active low, synchronous
  input  wire                    select,      // this layer is addressed
  input  wire                    read_active, // the bank in use, not the shadow bank
  input  wire [CHANNEL_BITS-1:0] channel,
  input  wire [1:0]              field,
  input  wire                    write,       // second cycle: take `data`
  input  wire [31:0]             data,
  input  wire [3:0]              strobes,     // the bytes of `data` that are written
  output reg  [31:0]             word,        // 0 when not addressed
  output reg                     found,       // the address is a register's
  output wire                    accepts,     // second cycle: the write is a legal value
  output wire [CHANNELS*(BIAS_BITS+SCALE_BITS+5)-1:0] shadow,
  input  wire [CHANNELS*(BIAS_BITS+SCALE_BITS+5)-1:0] active
);

  localparam WORD = BIAS_BITS + SCALE_BITS + 5;
  localparam [31:0] SCALE_MASK = (32'h7fffffff >> (31 - SCALE_BITS)) << (31 - SCALE_BITS);

  // The register as a write leaves it.
  wire [31:0] merged = {
    strobes[3] ? data[31:24] : word[31:24], strobes[2] ? data[23:16] : word[23:16],
    strobes[1] ? data[15:8] : word[15:8], strobes[0] ? data[7:0] : word[7:0]
  };

  // ---- First cycle: the addressed channel, by and and or.

  function [WORD-1:0] pick;
    input [CHANNELS-1:0] chosen;
    input [CHANNELS*WORD-1:0] words;
    integer i;
    begin
      pick = {WORD{1'b0}};
      for (i = 0; i < CHANNELS; i = i + 1)
        pick = pick | ({WORD{chosen[i]}} & words[i*WORD +: WORD]);
    end
  endfunction

  wire [CHANNELS-1:0] here;

  genvar c;
  generate
    for (c = 0; c < CHANNELS; c = c + 1) begin : channels
      localparam NUMBER = c;
      reg [WORD-1:0] values;

      assign here[c] = channel == NUMBER[CHANNEL_BITS-1:0];
      assign shadow[c*WORD +: WORD] = values;

      always @(posedge aclk) begin
        if (!aresetn) values <= TRAINED[c*WORD +: WORD];
        else if (write & accepts & here[c]) begin
          if (field == 2'd0) values[0 +: BIAS_BITS] <= merged[BIAS_BITS-1:0];
          if (field == 2'd1) values[BIAS_BITS +: SCALE_BITS] <= merged[30 -: SCALE_BITS];
          if (field == 2'd2) values[BIAS_BITS+SCALE_BITS +: 5] <= merged[4:0];
        end
      end
    end
  endgenerate

  wire [WORD-1:0] picked = pick(here, read_active ? active : shadow);
  wire [31:0] bias;
  wire [31:0] scale;

  generate
    if (BIAS_BITS == 32) begin : whole_bias
      assign bias = picked[31:0];
    end else begin : narrow_bias
      assign bias = {{(32-BIAS_BITS){picked[BIAS_BITS-1]}}, picked[BIAS_BITS-1:0]};
    end

    if (SCALE_BITS == 31) begin : whole_scale
      assign scale = {1'b0, picked[BIAS_BITS +: 31]};
    end else begin : narrow_scale
      assign scale = {1'b0, picked[BIAS_BITS +: SCALE_BITS], {(31-SCALE_BITS){1'b0}}};
    end
  endgenerate

  always @(posedge aclk) begin
    found <= select & (|here) & (field != 2'd3);
    word <= ~(select & (|here)) ? 32'd0
      : field == 2'd0 ? bias
      : field == 2'd1 ? scale
      : field == 2'd2 ? {27'd0, picked[WORD-1 -: 5]} : 32'd0;
  end

  // ---- Second cycle: whether what a write leaves is legal.

  wire bias_fits = (&merged[31:BIAS_BITS-1]) | ~(|merged[31:BIAS_BITS-1]);
  wire scale_fits = ((merged & SCALE_MASK) == merged) & (merged[30] | ~(|merged));
  wire shift_fits = ~(|merged[31:5]);

  assign accepts = found & ~read_active
    & (field == 2'd0 ? bias_fits : field == 2'd1 ? scale_fits : shift_fits);

endmodule

`default_nettype wire
