// What a simulation of a design writes down: one line an event, sampled at the rising clock edge.
//
//   i CYCLE DATA USER LAST    an input beat was accepted
//   o CYCLE DATA USER LAST    an output beat was accepted
//   TAP CYCLE DATA            a layer's output was valid: eight bits a channel, channel 0 lowest
//   e CYCLE                   framing_error rose
//
// DATA and USER are hexadecimal, the rest decimal. The file's name is the plusarg +record=FILE.

// Opens the file and counts cycles; cycle 0 is the first rising edge.
`default_nettype none

module df_record_file (
  input  wire        aclk,
  output wire [31:0] file,
  output reg  [31:0] cycle
);
  reg [8*1024-1:0] path;
  integer handle;

  assign file = handle;

  initial begin
    cycle = 0;
    if (!$value$plusargs("record=%s", path)) begin
      $display("give the record's file: +record=FILE");
      $finish;
    end
    handle = $fopen(path, "w");
    if (handle == 0) begin
      $display("the record's file cannot be opened");
      $finish;
    end
  end

  always @(posedge aclk) cycle <= cycle + 1;
endmodule

// Records a layer's output.
module df_record_tap #(
  parameter TAP = 0,
  parameter WIDTH = 8
) (
  input wire             aclk,
  input wire [31:0]      file,
  input wire [31:0]      cycle,
  input wire             valid,
  input wire [WIDTH-1:0] data
);
  always @(posedge aclk) if (valid) $fwrite(file, "%0d %0d %h\n", TAP, cycle, data);
endmodule

// Records accepted beats of a stream; KIND is the line's first letter.
module df_record_beat #(
  parameter [7:0] KIND = "i",
  parameter WIDTH = 8,
  parameter USER_BITS = 1
) (
  input wire                 aclk,
  input wire                 aresetn,
  input wire [31:0]          file,
  input wire [31:0]          cycle,
  input wire                 valid,
  input wire                 ready,
  input wire [WIDTH-1:0]     data,
  input wire [USER_BITS-1:0] user,
  input wire                 last
);
  always @(posedge aclk)
    if (aresetn & valid & ready) $fwrite(file, "%c %0d %h %h %0d\n", KIND, cycle, data, user, last);

  // An offered beat stands still until it is accepted.
  reg waits;
  reg [WIDTH+USER_BITS:0] offered;
  initial waits = 0;
  always @(posedge aclk) begin
    waits <= aresetn & valid & !ready;
    offered <= {data, user, last};
    if (aresetn & waits & (!valid | (offered !== {data, user, last})))
      $display("stream %c: cycle %0d: a beat that was offered and not accepted is gone or changed", KIND,
               cycle);
  end
endmodule

// Records the first cycle of an error.
module df_record_error (
  input wire        aclk,
  input wire        aresetn,
  input wire [31:0] file,
  input wire [31:0] cycle,
  input wire        error
);
  reg seen;
  initial seen = 0;
  always @(posedge aclk)
    if (!aresetn) seen <= 0;
    else if (error & !seen) begin
      seen <= 1;
      $fwrite(file, "e %0d\n", cycle);
    end
endmodule

`default_nettype wire
