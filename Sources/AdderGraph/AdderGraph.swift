// Module AdderGraph.
