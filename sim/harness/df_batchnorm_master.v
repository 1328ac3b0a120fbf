// The AXI4-Lite master of a simulation of adaptive batch norm: plays two lists of accesses, one of
// writes and one of reads, side by side, and writes down how each was answered.
//
//   +batchnorm_writes=FILE   COUNT, then for each write
//     NOT_BEFORE GAP RETRY ADDRESS DATA STROBES ADDRESS_DELAY DATA_DELAY RESPONSE_DELAY
//   +batchnorm_reads=FILE    COUNT, then for each read
//     NOT_BEFORE GAP ADDRESS ADDRESS_DELAY RESPONSE_DELAY
//   +batchnorm_record=FILE   a line an answer, by the first cycle of its valid
//     w CYCLE ADDRESS DATA STROBES RESPONSE
//     r CYCLE ADDRESS DATA RESPONSE
//
// ADDRESS, DATA and STROBES are hexadecimal, the rest decimal. An access begins in cycle NOT_BEFORE
// at the earliest and GAP cycles after the one before it; its address and its data come so many
// cycles later, and ready for the answer so many after its valid (0: ready all the time). With RETRY
// a write is repeated until it is answered with OKAY. A reset begins the access that runs anew.
// Without files nothing happens.
`default_nettype none

module df_batchnorm_master #(
  parameter ADDRESS_BITS = 8
) (
  input  wire                    aclk,
  input  wire                    aresetn,
  input  wire [31:0]             cycle,
  output reg                     awvalid,
  input  wire                    awready,
  output reg  [ADDRESS_BITS-1:0] awaddr,
  output reg                     wvalid,
  input  wire                    wready,
  output reg  [31:0]             wdata,
  output reg  [3:0]              wstrb,
  input  wire                    bvalid,
  output reg                     bready,
  input  wire [1:0]              bresp,
  output reg                     arvalid,
  input  wire                    arready,
  output reg  [ADDRESS_BITS-1:0] araddr,
  input  wire                    rvalid,
  output reg                     rready,
  input  wire [31:0]             rdata,
  input  wire [1:0]              rresp
);
  /* verilator lint_off BLKSEQ */
  reg [8*1024-1:0] path;
  // Public, since some versions of Verilator lose a handle that two processes share.
  integer writes /* verilator public_flat_rw */;
  integer reads /* verilator public_flat_rw */;
  integer record /* verilator public_flat_rw */;
  integer writes_left, reads_left;
  integer fields;

  // The write that runs or comes next.
  reg w_loaded, w_running, w_address_done, w_data_done, w_seen;
  integer w_not_before, w_gap, w_retry, w_address_delay, w_data_delay, w_response_delay;
  integer w_gap_left, w_address_left, w_data_left, w_response_left;
  reg [31:0] w_address;
  // The read.
  reg r_loaded, r_running, r_address_done, r_seen;
  integer r_not_before, r_gap, r_address_delay, r_response_delay;
  integer r_gap_left, r_address_left, r_response_left;
  reg [31:0] r_address;

  initial begin
    writes_left = 0;
    reads_left = 0;
    writes = 0;
    reads = 0;
    record = 0;
    w_loaded = 1'b0;
    r_loaded = 1'b0;
    w_running = 1'b0;
    r_running = 1'b0;
    w_gap = 0;
    r_gap = 0;
    awvalid = 1'b0;
    wvalid = 1'b0;
    bready = 1'b0;
    arvalid = 1'b0;
    rready = 1'b0;
    awaddr = {ADDRESS_BITS{1'b0}};
    araddr = {ADDRESS_BITS{1'b0}};
    wdata = 32'd0;
    wstrb = 4'd0;
    if ($value$plusargs("batchnorm_record=%s", path)) record = $fopen(path, "w");
    if ($value$plusargs("batchnorm_writes=%s", path)) begin
      writes = $fopen(path, "r");
      fields = $fscanf(writes, "%d", writes_left);
    end
    if ($value$plusargs("batchnorm_reads=%s", path)) begin
      reads = $fopen(path, "r");
      fields = $fscanf(reads, "%d", reads_left);
    end
  end

  always @(posedge aclk) begin : writer
    if (!aresetn) begin
      awvalid <= 1'b0;
      wvalid <= 1'b0;
      bready <= 1'b0;
      w_running = 1'b0;
      w_gap_left = w_gap;
    end else if (!w_running) begin
      if (!w_loaded && writes_left > 0) begin
        fields = $fscanf(
          writes, "%d %d %d %h %h %h %d %d %d", w_not_before, w_gap, w_retry, w_address, wdata,
          wstrb, w_address_delay, w_data_delay, w_response_delay);
        if (fields != 9) $display("the list of writes ends early");
        awaddr <= w_address[ADDRESS_BITS-1:0];
        writes_left = writes_left - 1;
        w_loaded = 1'b1;
        w_gap_left = w_gap;
      end
      if (w_loaded && cycle >= w_not_before) begin
        if (w_gap_left > 0) w_gap_left = w_gap_left - 1;
        else begin
          w_running = 1'b1;
          w_address_done = 1'b0;
          w_data_done = 1'b0;
          w_seen = 1'b0;
          w_address_left = w_address_delay;
          w_data_left = w_data_delay;
          w_response_left = w_response_delay;
          bready <= w_response_delay == 0;
        end
      end
    end else begin
      if (awvalid && awready) begin
        awvalid <= 1'b0;
        w_address_done = 1'b1;
      end else if (!awvalid && !w_address_done) begin
        if (w_address_left > 0) w_address_left = w_address_left - 1;
        else awvalid <= 1'b1;
      end
      if (wvalid && wready) begin
        wvalid <= 1'b0;
        w_data_done = 1'b1;
      end else if (!wvalid && !w_data_done) begin
        if (w_data_left > 0) w_data_left = w_data_left - 1;
        else wvalid <= 1'b1;
      end
      if (bvalid && !w_seen) begin
        w_seen = 1'b1;
        $fwrite(record, "w %0d %h %h %h %0d\n", cycle, w_address, wdata, wstrb, bresp);
      end
      if (bvalid && bready) begin
        bready <= 1'b0;
        w_running = 1'b0;
        if (w_retry != 0 && bresp != 2'd0) w_gap_left = w_gap;
        else w_loaded = 1'b0;
      end else if (bvalid) begin
        if (w_response_left > 1) w_response_left = w_response_left - 1;
        else bready <= 1'b1;
      end
    end
  end

  always @(posedge aclk) begin : reader
    if (!aresetn) begin
      arvalid <= 1'b0;
      rready <= 1'b0;
      r_running = 1'b0;
      r_gap_left = r_gap;
    end else if (!r_running) begin
      if (!r_loaded && reads_left > 0) begin
        fields = $fscanf(
          reads, "%d %d %h %d %d", r_not_before, r_gap, r_address, r_address_delay,
          r_response_delay);
        if (fields != 5) $display("the list of reads ends early");
        araddr <= r_address[ADDRESS_BITS-1:0];
        reads_left = reads_left - 1;
        r_loaded = 1'b1;
        r_gap_left = r_gap;
      end
      if (r_loaded && cycle >= r_not_before) begin
        if (r_gap_left > 0) r_gap_left = r_gap_left - 1;
        else begin
          r_running = 1'b1;
          r_address_done = 1'b0;
          r_seen = 1'b0;
          r_address_left = r_address_delay;
          r_response_left = r_response_delay;
          rready <= r_response_delay == 0;
        end
      end
    end else begin
      if (arvalid && arready) begin
        arvalid <= 1'b0;
        r_address_done = 1'b1;
      end else if (!arvalid && !r_address_done) begin
        if (r_address_left > 0) r_address_left = r_address_left - 1;
        else arvalid <= 1'b1;
      end
      if (rvalid && !r_seen) begin
        r_seen = 1'b1;
        $fwrite(record, "r %0d %h %h %0d\n", cycle, r_address, rdata, rresp);
      end
      if (rvalid && rready) begin
        rready <= 1'b0;
        r_running = 1'b0;
        r_loaded = 1'b0;
      end else if (rvalid) begin
        if (r_response_left > 1) r_response_left = r_response_left - 1;
        else rready <= 1'b1;
      end
    end
  end

  // An answer that was given and not taken stands still.
  reg b_waits, r_waits;
  reg [1:0] b_given;
  reg [33:0] r_given;
  initial begin
    b_waits = 1'b0;
    r_waits = 1'b0;
  end
  always @(posedge aclk) begin
    b_waits <= aresetn & bvalid & !bready;
    r_waits <= aresetn & rvalid & !rready;
    b_given <= bresp;
    r_given <= {rdata, rresp};
    if (aresetn & b_waits & (!bvalid | (b_given !== bresp)))
      $display("cycle %0d: a write response that was not taken is gone or changed", cycle);
    if (aresetn & r_waits & (!rvalid | (r_given !== {rdata, rresp})))
      $display("cycle %0d: read data that was not taken is gone or changed", cycle);
    if (aresetn & (((bvalid ^ bvalid) !== 1'b0) | ((rvalid ^ rvalid) !== 1'b0)))
      $display("cycle %0d: bvalid or rvalid is unknown", cycle);
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
