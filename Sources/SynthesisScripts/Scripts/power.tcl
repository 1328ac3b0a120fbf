# OpenSTA (sta -exit power.tcl): the power of one mapped module when every net behind a flip-flop makes the
# same number of transitions a clock; without wires and the clock's driver.
# From the environment:
#   DF_TOP       the module
#   DF_NETLIST   the netlist that synthesise.tcl wrote
#   DF_LIBERTY   the library, one liberty file, unpacked
#   DF_CLOCK     the clock period in ns
#   DF_ACTIVITY  transitions of a net a clock
read_liberty $::env(DF_LIBERTY)
read_verilog $::env(DF_NETLIST)
link_design $::env(DF_TOP)
set_cmd_units -time ns -power mW
create_clock -name aclk -period $::env(DF_CLOCK) [get_ports aclk]
set_power_activity -global -activity $::env(DF_ACTIVITY) -duty 0.5
report_power -digits 6
puts "power end"
