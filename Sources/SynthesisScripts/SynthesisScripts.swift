/// The Tcl scripts that Yosys and OpenSTA run, for `ppa` and in every emitted folder's `syn/`.
public enum SynthesisScripts {
  public static let synthesise = String(
    decoding: PackageResources.synthesise_tcl, as: UTF8.self)
  public static let timing = String(decoding: PackageResources.timing_tcl, as: UTF8.self)
  /// For `ppa` alone: the cross-check of its power.
  public static let power = String(decoding: PackageResources.power_tcl, as: UTF8.self)
}
