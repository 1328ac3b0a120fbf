// df_nvdla_packer: a design's output pixels as NVDLA's feature data (int8), one atom a beat.
//
// An atom is 32 channels of a pixel, a byte each. Surfaces of 32 channels lie one behind another, in each
// its lines, in a line its pixels; m_axis_taddr is an atom's byte in that cube. Channels from CHANNELS on
// are 0. A pixel takes as many beats as there are surfaces.
// m_axis_tuser[0]: a frame's first atom; above: the pixel's sideband. m_axis_tlast: a frame's last atom.
`default_nettype none

module df_nvdla_packer #(
  parameter CHANNELS = 32,
  parameter USER_BITS = 2,                                  // start of frame included, at least 2
  parameter ADDRESS_BITS = 6,                               // hold the whole cube's size
  parameter [ADDRESS_BITS-1:0] LINE_STRIDE = 32,            // bytes
  parameter [ADDRESS_BITS-1:0] SURFACE_STRIDE = 32,         // bytes
  parameter [ADDRESS_BITS-1:0] LAST_LINE = 0,               // address of the last line, surface 0
  parameter [7:0] FLIP = 8'h00                              // 8'h80 for codes 0 ... 255: code - 128
) (
  input  wire                    aclk,
  input  wire                    aresetn,                   // active low, synchronous
  input  wire                    s_axis_tvalid,
  output wire                    s_axis_tready,
  input  wire [8*CHANNELS-1:0]   s_axis_tdata,
  input  wire [USER_BITS-1:0]    s_axis_tuser,
  input  wire                    s_axis_tlast,              // a line's last pixel
  output reg                     m_axis_tvalid,
  input  wire                    m_axis_tready,
  output wire [255:0]            m_axis_tdata,
  output reg  [ADDRESS_BITS-1:0] m_axis_taddr,
  output reg  [USER_BITS-1:0]    m_axis_tuser,
  output wire                    m_axis_tlast
);

  localparam SURFACES = (CHANNELS + 31) / 32;
  localparam PIXEL_BITS = 256 * SURFACES;
  localparam [ADDRESS_BITS-1:0] ATOM = 32;
  localparam [SURFACES:0] LAST = 1;
  localparam [SURFACES:0] FIRST = LAST << (SURFACES - 1);

  wire [PIXEL_BITS-1:0] pixel;
  assign pixel[8*CHANNELS-1:0] = s_axis_tdata ^ {CHANNELS{FLIP}};
  generate
    if (PIXEL_BITS > 8 * CHANNELS) begin : padding
      assign pixel[PIXEL_BITS-1:8*CHANNELS] = {(PIXEL_BITS-8*CHANNELS){1'b0}};
    end
  endgenerate

  reg [PIXEL_BITS-1:0] atoms;      // the current atom lowest
  reg [SURFACES-1:0] last_surface; // one bit moves; the lowest is the last surface's
  reg last_pixel;
  reg [ADDRESS_BITS-1:0] line;     // of the pixel that comes next
  reg [ADDRESS_BITS-1:0] next;

  wire moves = m_axis_tvalid & m_axis_tready;
  wire takes = s_axis_tvalid & s_axis_tready;
  wire [ADDRESS_BITS-1:0] this_line = s_axis_tuser[0] ? {ADDRESS_BITS{1'b0}} : line;
  wire [ADDRESS_BITS-1:0] address = s_axis_tuser[0] ? {ADDRESS_BITS{1'b0}} : next;

  assign s_axis_tready = !m_axis_tvalid | (m_axis_tready & last_surface[0]);
  assign m_axis_tdata = atoms[255:0];
  assign m_axis_tlast = last_pixel & last_surface[0];

  always @(posedge aclk) begin
    if (!aresetn) m_axis_tvalid <= 1'b0;
    else if (takes) m_axis_tvalid <= 1'b1;
    else if (moves & last_surface[0]) m_axis_tvalid <= 1'b0;
  end

  always @(posedge aclk) begin
    if (takes) begin
      atoms <= pixel;
      last_surface <= FIRST[SURFACES-1:0];
      last_pixel <= s_axis_tlast & (this_line == LAST_LINE);
      m_axis_taddr <= address;
      m_axis_tuser <= s_axis_tuser;
      line <= s_axis_tlast ? this_line + LINE_STRIDE : this_line;
      next <= s_axis_tlast ? this_line + LINE_STRIDE : address + ATOM;
    end else if (moves) begin
      atoms <= atoms >> 256;
      last_surface <= last_surface >> 1;
      m_axis_taddr <= m_axis_taddr + SURFACE_STRIDE;
      m_axis_tuser <= {m_axis_tuser[USER_BITS-1:1], 1'b0};
    end
  end

endmodule

`default_nettype wire
