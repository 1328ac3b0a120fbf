/// The parameterised Verilog modules that every emitted design uses, carried in the binary.
public enum RTLTemplates {}
