import ArgumentParser

@main
struct DeepFreeze: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deepfreeze",
    abstract: "Turns the first layers of a trained CNN into fixed-weight, pipelined Verilog.")
}
