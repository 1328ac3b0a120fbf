// Module Verilog.
