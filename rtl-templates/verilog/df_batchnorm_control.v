// df_batchnorm_control: the AXI4-Lite port of adaptive batch norm, and the moment at which a design
// takes the values that were written.
//
// Address: {active, layer, channel, field, 2'b00}. Layer 0 is the page of this module, a word a
// register; layer n is the bank of the n-th adaptive layer (df_batchnorm_bank), `active` the values
// in use in place of the shadow bank.
//
//   0x00  ID         "DFBN"
//   0x04  VERSION    1
//   0x08  DESIGN     which design it is
//   0x0c  COMMIT     write 1: the next frame takes the shadow banks. Reads 0
//   0x10  STATUS     bit 0: a commit waits for a frame; bit 1: a frame is on its way that some layer
//                    has not seen yet
//   0x14  COMMITS    commits that a frame has taken, modulo 2^32
//   0x18  FRAME      the sideband of the frame that took the last one
//   0x1c  LAYERS     adaptive layers
//
// While STATUS is not 0 shadow banks cannot be written and nothing can be committed. What is not
// done is answered with SLVERR and changes nothing: such a write, one to a register that is only
// read or is none, a value that its register cannot hold, an address that is no multiple of 4, a read
// where no register is. Everything else is answered with OKAY.
//
// A commit counts from the cycle of its write response: a frame whose first pixel is accepted then or
// later takes it. `mark` goes into the sideband with that pixel; each stage swaps its layers' banks
// when the first output of a marked frame passes them and says so with `swapped`.
//
// One access at a time; its answer comes four cycles after the last of its address and data was
// taken, at the earliest. Where a read and a write wait, they take turns.
`default_nettype none

module df_batchnorm_control #(
  parameter LAYERS = 1,
  parameter LAYER_BITS = 1,           // of the address: holds 0 ... LAYERS
  parameter CHANNEL_BITS = 1,         // at least 1
  parameter STAGES = 1,               // stages with adaptive layers
  parameter PIXELS = 64,              // of a frame at the input
  parameter USER_BITS = 1,            // sideband bits, 1 ... 63
  parameter [31:0] DESIGN = 32'd0
) (
  input  wire                    aclk,
  input  wire                    aresetn,        // active low, synchronous
  input  wire                    s_axil_awvalid,
  output wire                    s_axil_awready,
  input  wire [LAYER_BITS+CHANNEL_BITS+4:0] s_axil_awaddr,
  input  wire [2:0]              s_axil_awprot,  // not used
  input  wire                    s_axil_wvalid,
  output wire                    s_axil_wready,
  input  wire [31:0]             s_axil_wdata,
  input  wire [3:0]              s_axil_wstrb,
  output reg                     s_axil_bvalid,
  input  wire                    s_axil_bready,
  output reg  [1:0]              s_axil_bresp,
  input  wire                    s_axil_arvalid,
  output wire                    s_axil_arready,
  input  wire [LAYER_BITS+CHANNEL_BITS+4:0] s_axil_araddr,
  input  wire [2:0]              s_axil_arprot,  // not used
  output reg                     s_axil_rvalid,
  input  wire                    s_axil_rready,
  output reg  [31:0]             s_axil_rdata,
  output reg  [1:0]              s_axil_rresp,
  // To all banks.
  output wire [LAYERS-1:0]       bank_select,
  output wire                    bank_read_active,
  output wire [CHANNEL_BITS-1:0] bank_channel,
  output wire [1:0]              bank_field,
  output wire                    bank_write,
  output wire [31:0]             bank_data,
  output wire [3:0]              bank_strobes,
  // The or of what all banks answer.
  input  wire [31:0]             bank_word,
  input  wire                    bank_found,
  input  wire                    bank_accepts,
  // The design's input, behind its adapter.
  input  wire                    pixel_valid,
  input  wire                    pixel_ready,
  input  wire [USER_BITS-1:0]    pixel_user,
  output wire                    mark,
  input  wire [STAGES-1:0]       swapped         // a stage's last layer has the new values
);

  // Bits that hold 0 ... value; at least 1.
  function integer bits_for;
    input integer value;
    integer rest;
    begin
      bits_for = 1;
      for (rest = value >> 1; rest > 0; rest = rest >> 1) bits_for = bits_for + 1;
    end
  endfunction

  localparam ADDRESS_BITS = LAYER_BITS + CHANNEL_BITS + 5;
  localparam POSITION_BITS = bits_for(PIXELS - 1);
  localparam LAST_PIXEL = PIXELS - 1;
  localparam [1:0] OKAY = 2'd0;
  localparam [1:0] SLVERR = 2'd2;
  localparam [1:0] IDLE = 2'd0;
  localparam [1:0] FETCH = 2'd1;
  localparam [1:0] ANSWER = 2'd2;

  // ---- The moment: frames are counted in pixels.

  reg pending;                        // a commit waits for a frame
  reg [STAGES-1:0] left;              // stages that the marked frame has not reached
  reg [31:0] commits;
  reg [USER_BITS-1:0] frame;
  reg [POSITION_BITS-1:0] position;   // of the next pixel

  wire commit;
  wire advance = pixel_valid & pixel_ready;
  wire take = advance & pending & (position == {POSITION_BITS{1'b0}});
  wire swapping = |left;
  wire busy = pending | swapping;

  assign mark = pending;

  always @(posedge aclk) begin
    if (!aresetn) begin
      pending <= 1'b0;
      left <= {STAGES{1'b0}};
      commits <= 32'd0;
      frame <= {USER_BITS{1'b0}};
      position <= {POSITION_BITS{1'b0}};
    end else begin
      if (advance)
        position <= position == LAST_PIXEL[POSITION_BITS-1:0]
          ? {POSITION_BITS{1'b0}} : position + 1'b1;
      if (commit) pending <= 1'b1;
      else if (take) pending <= 1'b0;
      left <= take ? {STAGES{1'b1}} : left & ~swapped;
      if (take) begin
        commits <= commits + 32'd1;
        frame <= pixel_user;
      end
    end
  end

  // ---- The channels of AXI4-Lite hold one transfer each.

  reg write_address_held;
  reg write_data_held;
  reg read_address_held;
  reg [ADDRESS_BITS-1:0] write_address;
  reg [ADDRESS_BITS-1:0] read_address;
  reg [31:0] write_data;
  reg [3:0] write_strobes;

  assign s_axil_awready = ~write_address_held;
  assign s_axil_wready = ~write_data_held;
  assign s_axil_arready = ~read_address_held;

  // ---- One access after the other.

  reg [1:0] state;
  reg is_write;                       // of the access that runs, or was the last

  wire write_waits = write_address_held & write_data_held & ~s_axil_bvalid;
  wire read_waits = read_address_held & ~s_axil_rvalid;
  wire answers_write = (state == ANSWER) & is_write;
  wire answers_read = (state == ANSWER) & ~is_write;

  wire [ADDRESS_BITS-1:0] address = is_write ? write_address : read_address;
  wire [LAYER_BITS-1:0] layer = address[ADDRESS_BITS-2 -: LAYER_BITS];
  wire [CHANNEL_BITS+1:0] number = address[2 +: CHANNEL_BITS+2];   // of a word in its page
  wire aligned = address[1:0] == 2'd0;
  wire own_page = (layer == {LAYER_BITS{1'b0}}) & ~bank_read_active;
  wire own_found = own_page & ((number >> 3) == {(CHANNEL_BITS+2){1'b0}});

  assign bank_read_active = address[ADDRESS_BITS-1];
  assign bank_channel = address[4 +: CHANNEL_BITS];
  assign bank_field = address[3:2];
  assign bank_data = write_data;
  assign bank_strobes = write_strobes;

  genvar n;
  generate
    for (n = 0; n < LAYERS; n = n + 1) begin : banks
      localparam NUMBER = n + 1;
      assign bank_select[n] = layer == NUMBER[LAYER_BITS-1:0];
    end
  endgenerate

  // ---- What a write does: at most one of both, never while `busy`.

  wire own_write_is_legal = own_found & (number[2:0] == 3'd3)
    & (({32{write_strobes[3]}} & 32'hff000000 & write_data) == 32'd0)
    & (({32{write_strobes[2]}} & 32'h00ff0000 & write_data) == 32'd0)
    & (({32{write_strobes[1]}} & 32'h0000ff00 & write_data) == 32'd0)
    & (({32{write_strobes[0]}} & 32'h000000fe & write_data) == 32'd0);

  assign bank_write = answers_write & aligned & ~busy;
  assign commit = bank_write & own_write_is_legal & write_strobes[0] & write_data[0];

  reg [31:0] own_word;
  wire [63:0] wide_frame = {{(64-USER_BITS){1'b0}}, frame};

  always @* begin
    case (number[2:0])
      3'd0: own_word = 32'h4446424e;
      3'd1: own_word = 32'd1;
      3'd2: own_word = DESIGN;
      3'd4: own_word = {30'd0, swapping, pending};
      3'd5: own_word = commits;
      3'd6: own_word = wide_frame[31:0];
      3'd7: own_word = LAYERS;
      default: own_word = 32'd0;
    endcase
  end

  always @(posedge aclk) begin
    if (!aresetn) begin
      write_address_held <= 1'b0;
      write_data_held <= 1'b0;
      read_address_held <= 1'b0;
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
      state <= IDLE;
      is_write <= 1'b0;
    end else begin
      if (s_axil_awvalid & s_axil_awready) write_address_held <= 1'b1;
      else if (answers_write) write_address_held <= 1'b0;
      if (s_axil_wvalid & s_axil_wready) write_data_held <= 1'b1;
      else if (answers_write) write_data_held <= 1'b0;
      if (s_axil_arvalid & s_axil_arready) read_address_held <= 1'b1;
      else if (answers_read) read_address_held <= 1'b0;
      if (answers_write) s_axil_bvalid <= 1'b1;
      else if (s_axil_bready) s_axil_bvalid <= 1'b0;
      if (answers_read) s_axil_rvalid <= 1'b1;
      else if (s_axil_rready) s_axil_rvalid <= 1'b0;
      case (state)
        IDLE: if (write_waits | read_waits) begin
          state <= FETCH;
          is_write <= write_waits & ~(read_waits & is_write);
        end
        FETCH: state <= ANSWER;
        default: state <= IDLE;
      endcase
    end
    if (s_axil_awvalid & s_axil_awready) write_address <= s_axil_awaddr;
    if (s_axil_wvalid & s_axil_wready) begin
      write_data <= s_axil_wdata;
      write_strobes <= s_axil_wstrb;
    end
    if (s_axil_arvalid & s_axil_arready) read_address <= s_axil_araddr;
    if (answers_write)
      s_axil_bresp <= bank_write & (own_write_is_legal | bank_accepts) ? OKAY : SLVERR;
    if (answers_read) begin
      s_axil_rresp <= aligned & (own_found | bank_found) ? OKAY : SLVERR;
      s_axil_rdata <= ~aligned ? 32'd0 : own_found ? own_word : bank_word;
    end
  end

  wire unused = &{1'b0, s_axil_awprot, s_axil_arprot, wide_frame[63:32]};

endmodule

`default_nettype wire
