/// A configuration of NVDLA, NVIDIA's open accelerator: 8-bit integers, 1 GHz, no second-level SRAM.
///
/// Source: the hardware primer of nvdla.org (table of area, performance and power at 28 and 16 nm). The
/// shape of the multiplier array, `atomicChannels` x `atomicKernels`, is that of the specification files
/// nv_large, nv_medium_1024_full, nv_medium_512, nv_small_256 and nv_small of the nvdla/hw
/// repository; there is none for 128 multipliers, where 16 x 8 is this project's choice.
public struct NVDLAConfiguration: Hashable, Sendable, Codable {
  /// "A" to "F", from the smallest; the letters are FixyNN's way to name them (C has 256).
  public var name: String
  /// 8-bit multipliers.
  public var multipliers: Int
  /// Input channels and kernels that one operation of the array takes.
  public var atomicChannels: Int
  public var atomicKernels: Int
  /// The convolution buffer, KB of 1024 bytes.
  public var bufferKilobytes: Int
  /// 10^9 bytes a second.
  public var bandwidth: Double
  /// mm2, memories included.
  public var area28: Double
  public var area16: Double
  /// Printed frames a second on ResNet-50.
  public var publishedResNet50: Double
  /// mW at 16 nm, on ResNet-50.
  public var peakPower: Double
  public var averagePower: Double

  /// The clock of all published figures, Hz.
  public static let clock = 1e9
  public static let source = "NVDLA hardware primer, nvdla.org"
  public static let performanceSource = "NVDLA open source performance spreadsheet, nvdla/hw"

  /// The published ones, the smallest first.
  public static let published: [NVDLAConfiguration] = [
    NVDLAConfiguration("A", 64, 8, 8, 128, 1, 0.91, 0.55, 7.3, 55, 21),
    NVDLAConfiguration("B", 128, 16, 8, 256, 2, 1.4, 0.84, 20, 82, 31),
    NVDLAConfiguration("C", 256, 32, 8, 256, 5, 1.7, 1.0, 46, 135, 48),
    NVDLAConfiguration("D", 512, 32, 16, 256, 10, 2.3, 1.4, 93, 210, 80),
    NVDLAConfiguration("E", 1024, 64, 16, 256, 15, 3.0, 1.8, 153, 375, 143),
    NVDLAConfiguration("F", 2048, 64, 32, 512, 20, 5.5, 3.3, 269, 766, 291),
  ]

  private init(
    _ name: String, _ multipliers: Int, _ atomicChannels: Int, _ atomicKernels: Int,
    _ bufferKilobytes: Int, _ bandwidth: Double, _ area28: Double, _ area16: Double,
    _ publishedResNet50: Double, _ peakPower: Double, _ averagePower: Double
  ) {
    self.name = name
    self.multipliers = multipliers
    self.atomicChannels = atomicChannels
    self.atomicKernels = atomicKernels
    self.bufferKilobytes = bufferKilobytes
    self.bandwidth = bandwidth
    self.area28 = area28
    self.area16 = area16
    self.publishedResNet50 = publishedResNet50
    self.peakPower = peakPower
    self.averagePower = averagePower
  }

  /// The same with another DRAM.
  public func with(bandwidth: Double) -> NVDLAConfiguration {
    var other = self
    other.bandwidth = bandwidth
    return other
  }
}
