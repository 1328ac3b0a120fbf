import ArgumentParser

@main
struct DeepFreeze: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deepfreeze",
    abstract: "Turns the first layers of a trained CNN into fixed-weight, pipelined Verilog.",
    discussion: """
      Exit codes: 0 done, 1 a check failed, 2 the input cannot be used, 64 wrong usage.
      """,
    subcommands: [
      InspectCommand.self,
      RunCommand.self,
      EmitCommand.self,
      VerifyCommand.self, BatchNormCommand.self,
      ProveCommand.self,
      AddersCommand.self,
      FuzzCommand.self,
      FeaturesCommand.self,
      EvaluateCommand.self,
      QuantizeCommand.self,
      PruneCommand.self,
      TradeoffCommand.self,
      ExploreCommand.self,
      PPACommand.self,
      ReportCommand.self,
      CharacterizeCommand.self,
      BenchCommand.self,
    ])
}
