// df_half_adder: adds two bits, a + b = 2 * carry + sum.
`default_nettype none

module df_half_adder (
  input  wire a,
  input  wire b,
  output wire carry,
  output wire sum
);

  wire neither = ~(a | b);

  assign sum   = ~(neither | carry);
  assign carry = a & b;

endmodule

`default_nettype wire
