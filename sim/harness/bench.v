// The Icarus test bench of a deepfreeze design: plays a stimulus file into the module `taps`, which
// writes the record file.
//
//   vvp bench.vvp +stimulus=FILE +record=FILE
//
// Cycle c ends with rising edge c. Inputs change after an edge and stand still until the next, so an
// edge samples the inputs of its own cycle. While no beat is offered the data, user and last inputs
// are unknown: a design that looks at them shows it.
`default_nettype none

module bench;
  parameter INPUT_BITS = 8;     // of s_axis_tdata
  parameter OUTPUT_BITS = 8;    // of m_axis_tdata
  parameter USER_BITS = 1;      // of tuser, start of frame included
  parameter READY_LIMIT = 65536;
  parameter RESET_LIMIT = 1024;

  reg                    aclk;
  reg                    aresetn;
  reg                    s_axis_tvalid;
  wire                   s_axis_tready;
  reg  [INPUT_BITS-1:0]  s_axis_tdata;
  reg  [USER_BITS-1:0]   s_axis_tuser;
  reg                    s_axis_tlast;
  wire                   m_axis_tvalid;
  reg                    m_axis_tready;
  wire [OUTPUT_BITS-1:0] m_axis_tdata;
  wire [USER_BITS-1:0]   m_axis_tuser;
  wire                   m_axis_tlast;
  wire                   framing_error;

  taps taps (
    .aclk(aclk), .aresetn(aresetn),
    .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .s_axis_tdata(s_axis_tdata),
    .s_axis_tuser(s_axis_tuser), .s_axis_tlast(s_axis_tlast),
    .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready), .m_axis_tdata(m_axis_tdata),
    .m_axis_tuser(m_axis_tuser), .m_axis_tlast(m_axis_tlast),
    .framing_error(framing_error)
  );

  reg ready_pattern [0:READY_LIMIT-1];
  integer reset_begin [0:RESET_LIMIT-1];
  integer reset_end [0:RESET_LIMIT-1];
  reg [8*1024-1:0] path;
  integer stimulus, fields, index;
  integer cycle, cycles, ready_count, reset_count, beats_left, wait_left, next_reset;

  // The beat to offer next.
  integer gap;
  reg last;
  reg [USER_BITS-1:0] user;
  reg [INPUT_BITS-1:0] data;

  task stop;
    input [8*80-1:0] message;
    begin
      $display("%0s", message);
      $finish;
    end
  endtask

  task read_number;
    output integer number;
    begin
      fields = $fscanf(stimulus, "%d", number);
      if (fields != 1) stop("the stimulus ends early or holds something that is no number");
    end
  endtask

  task read_beat;
    begin
      fields = $fscanf(stimulus, "%d %b %h %h", gap, last, user, data);
      if (fields != 4) stop("the stimulus ends early or holds something that is no number");
    end
  endtask

  // Drives the inputs of `cycle`.
  task drive;
    begin
      if (next_reset < reset_count)
        if (reset_end[next_reset] <= cycle) next_reset = next_reset + 1;
      aresetn <= !(next_reset < reset_count && reset_begin[next_reset] <= cycle);
      m_axis_tready <= ready_pattern[cycle % ready_count];
      if (!(next_reset < reset_count && reset_begin[next_reset] <= cycle)
          && beats_left > 0 && wait_left == 0) begin
        s_axis_tvalid <= 1'b1;
        s_axis_tdata <= data;
        s_axis_tuser <= user;
        s_axis_tlast <= last;
      end else begin
        s_axis_tvalid <= 1'b0;
        s_axis_tdata <= {INPUT_BITS{1'bx}};
        s_axis_tuser <= {USER_BITS{1'bx}};
        s_axis_tlast <= 1'bx;
      end
    end
  endtask

  initial begin
    aclk = 1'b0;
    if (!$value$plusargs("stimulus=%s", path)) stop("give the stimulus: +stimulus=FILE");
    stimulus = $fopen(path, "r");
    if (stimulus == 0) stop("the stimulus cannot be opened");
    read_number(cycles);
    read_number(ready_count);
    if (ready_count < 1 || ready_count > READY_LIMIT) stop("the pattern of m_axis_tready is too long");
    for (index = 0; index < ready_count; index = index + 1) begin
      fields = $fscanf(stimulus, "%b", ready_pattern[index]);
      if (fields != 1) stop("the stimulus ends early or holds something that is no number");
    end
    read_number(reset_count);
    if (reset_count > RESET_LIMIT) stop("the stimulus has too many resets");
    for (index = 0; index < reset_count; index = index + 1) begin
      read_number(reset_begin[index]);
      read_number(reset_end[index]);
    end
    read_number(beats_left);
    gap = 0;
    if (beats_left > 0) read_beat;
    wait_left = gap;
    next_reset = 0;
    cycle = 0;
    drive;
    forever #1 aclk = ~aclk;
  end

  always @(posedge aclk) begin
    if (!aresetn) wait_left = gap;
    else if (s_axis_tvalid & s_axis_tready) begin
      beats_left = beats_left - 1;
      if (beats_left > 0) read_beat;
      wait_left = gap;
    end else if (wait_left > 0) wait_left = wait_left - 1;
    cycle = cycle + 1;
    if (cycle == cycles) $finish;
    drive;
  end
endmodule

`default_nettype wire
