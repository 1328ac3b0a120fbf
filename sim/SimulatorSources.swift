/// The simulator harnesses that every emitted design carries, embedded in the binary.
public enum SimulatorSources {
  /// A file of the harness: its name and its text.
  public typealias File = (fileName: String, text: String)

  /// The recorders that the module `taps` instantiates.
  public static let recorder = "df_recorder.v"
  /// The Icarus test bench.
  public static let bench = "bench.v"
  /// The Verilator driver.
  public static let driver = "main.cpp"

  /// Every file, in alphabetical order.
  public static let all: [File] = [
    (bench, text(PackageResources.bench_v)),
    (recorder, text(PackageResources.df_recorder_v)),
    (driver, text(PackageResources.main_cpp)),
    ("stimulus-format.txt", text(PackageResources.stimulus_format_txt)),
  ]

  /// What plays accesses to the registers of adaptive batch norm; only designs that have them carry it.
  public static let batchNormMaster: File = (
    "df_batchnorm_master.v", text(PackageResources.df_batchnorm_master_v)
  )

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
