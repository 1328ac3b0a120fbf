/// The parameterised Verilog modules that every emitted design uses, carried in the binary.
/// What varies in size is a parameter of a template; what varies in structure is emitted as syntax.
public enum RTLTemplates {
  /// A template: the name of its file, `MODULE.v`, and its text.
  public typealias Template = (fileName: String, text: String)

  /// Every template, in the order of the file list: a module before its users.
  public static let all: [Template] = [
    ("df_half_adder.v", text(PackageResources.df_half_adder_v)),
    ("df_full_adder.v", text(PackageResources.df_full_adder_v)),
    ("df_sram_1r1w.v", text(PackageResources.df_sram_1r1w_v)),
    ("df_line_buffer.v", text(PackageResources.df_line_buffer_v)),
    ("df_window_control.v", text(PackageResources.df_window_control_v)),
    ("df_frame_accumulator_control.v", text(PackageResources.df_frame_accumulator_control_v)),
    ("df_serial_control.v", text(PackageResources.df_serial_control_v)),
    ("df_serial_accumulator.v", text(PackageResources.df_serial_accumulator_v)),
    ("df_valid_pipeline.v", text(PackageResources.df_valid_pipeline_v)),
    ("df_fifo.v", text(PackageResources.df_fifo_v)),
    ("df_skip_fifo.v", text(PackageResources.df_skip_fifo_v)),
    ("df_fork.v", text(PackageResources.df_fork_v)),
    ("df_join.v", text(PackageResources.df_join_v)),
    ("df_stream_in.v", text(PackageResources.df_stream_in_v)),
    ("df_batchnorm_bank.v", text(PackageResources.df_batchnorm_bank_v)),
    ("df_batchnorm_control.v", text(PackageResources.df_batchnorm_control_v)),
  ]

  /// Pixels as NVDLA's feature data: behind a design, in folders that ask for it.
  public static let nvdlaPacker: Template = (
    "df_nvdla_packer.v", text(PackageResources.df_nvdla_packer_v)
  )

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
