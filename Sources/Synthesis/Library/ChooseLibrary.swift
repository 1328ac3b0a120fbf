import Estimation
import Foundation
import NeuralGraph

extension CellLibrary {
  /// Debian's packaged library: qflow-tech-osu018, 180 nm.
  public static let usualFile = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"

  /// The library and the technology that `--liberty` and `--technology` mean. Of a folder the technology's
  /// files are taken; without a technology's name it is the one that the program carries for files of
  /// these names, or none.
  public static func choose(liberty: [String], technology name: String?) throws(Diagnostics)
    -> (library: CellLibrary, technology: Technology?)
  {
    let named: Technology?
    if let name { named = try Technology.named(name) } else { named = nil }
    var paths = liberty
    if liberty.isEmpty {
      guard FileManager.default.fileExists(atPath: usualFile) else {
        throw Diagnostics(
          Diagnostic(
            "there is no cell library",
            remedy: "give --liberty FILE..., or --technology NAME --liberty FOLDER, or on Debian: "
              + "apt-get install qflow-tech-osu018"))
      }
      paths = [usualFile]
    } else if liberty.count == 1, isFolder(liberty[0]) {
      paths = try files(in: liberty[0], of: named)
    }
    let library = try read(paths)
    let names = Set(library.files)
    let technology =
      named ?? Technology.builtIn.first { !$0.liberty.isEmpty && names == Set($0.liberty) }
    return (library, technology)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// The files of a technology in `folder`; each may be packed.
  private static func files(in folder: String, of named: Technology?) throws(Diagnostics)
    -> [String]
  {
    func found(_ technology: Technology) -> [String]? {
      var paths: [String] = []
      for name in technology.liberty {
        guard
          let path = [name, name + ".gz"].map({ folder + "/" + $0 })
            .first(where: FileManager.default.fileExists(atPath:))
        else { return nil }
        paths.append(path)
      }
      return paths.isEmpty ? nil : paths
    }
    guard let named else {
      let names = Technology.builtIn.filter { found($0) != nil }.map(\.name)
      throw Diagnostics(
        Diagnostic(
          "it is a folder, and no technology is named", file: folder,
          remedy: names.isEmpty
            ? "give liberty files"
            : "give --technology, of: \(names.joined(separator: ", "))"))
    }
    guard let paths = found(named) else {
      throw Diagnostics(
        Diagnostic(
          "the files of \(named.name) are not in it: \(named.liberty.joined(separator: ", "))",
          file: folder, remedy: "give liberty files"))
    }
    return paths
  }
}
