// df_full_adder: adds three bits, a + b + c = 2 * carry + sum.
//
// Written as nine NOR gates, which mapping to plain gates keeps; a library with full-adder cells takes
// one of them in place of this module (docs/adder-graph.md).
`default_nettype none

module df_full_adder (
  input  wire a,
  input  wire b,
  input  wire c,
  output wire carry,
  output wire sum
);

  wire ab  = ~(a | b);
  wire la  = ~(a | ab);
  wire lb  = ~(b | ab);
  wire eq  = ~(la | lb);      // a == b
  wire ec  = ~(eq | c);
  wire le  = ~(eq | ec);
  wire lc  = ~(c | ec);

  assign sum   = ~(le | lc);
  assign carry = ~(ab | ec);

endmodule

`default_nettype wire
