/// The simulator harnesses that every emitted design carries, embedded in the binary.
public enum SimulatorSources {}
