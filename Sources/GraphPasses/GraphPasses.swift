// Module GraphPasses.
