// df_sram_1r1w: a memory with one read port and one write port, the one place of a design where a
// memory macro is swapped in.
//
// A read takes one cycle: read_data holds the word of the last cycle in which read_enable was high,
// and stands still otherwise. Read and write never meet on one address in one cycle (its user's
// promise), so the macro needs no bypass. Not reset and not initialised: its user never depends on
// a word that was not written.
`default_nettype none

module df_sram_1r1w #(
  parameter WIDTH = 8,         // bits a word
  parameter DEPTH = 16,        // words
  parameter ADDRESS_BITS = 4   // bits of an address, 2**ADDRESS_BITS >= DEPTH
) (
  input  wire                    aclk,
  input  wire                    read_enable,
  input  wire [ADDRESS_BITS-1:0] read_address,
  output reg  [WIDTH-1:0]        read_data,
  input  wire                    write_enable,
  input  wire [ADDRESS_BITS-1:0] write_address,
  input  wire [WIDTH-1:0]        write_data
);

  reg [WIDTH-1:0] words [0:DEPTH-1];

  always @(posedge aclk) begin
    if (read_enable) read_data <= words[read_address];
    if (write_enable) words[write_address] <= write_data;
  end

endmodule

`default_nettype wire
