# OpenSTA (sta -exit timing.tcl): the longest paths of one mapped module, without wires. Inputs come and
# outputs go at the clock's edge.
# From the environment:
#   DF_TOP      the module
#   DF_NETLIST  the netlist that synthesise.tcl wrote
#   DF_LIBERTY  the library, one liberty file, unpacked
#   DF_CLOCK    the clock period in ns
proc longest {title from to} {
  puts "path $title"
  if {[llength $from] > 0 && [llength $to] > 0} {
    report_checks -from $from -to $to -digits 4
  } else {
    puts "No paths found."
  }
}
read_liberty $::env(DF_LIBERTY)
read_verilog $::env(DF_NETLIST)
link_design $::env(DF_TOP)
set_cmd_units -time ns
create_clock -name aclk -period $::env(DF_CLOCK) [get_ports aclk]
set inputs {}
foreach port [all_inputs] {
  if {[get_property $port full_name] ne "aclk"} { lappend inputs $port }
}
if {[llength $inputs] > 0} { set_input_delay 0 -clock aclk $inputs }
set_output_delay 0 -clock aclk [all_outputs]
set registers [all_registers -clock_pins]
set data [all_registers -data_pins]
longest inside $registers $data
longest input $inputs $data
longest output $registers [all_outputs]
longest through $inputs [all_outputs]
puts "path end"
