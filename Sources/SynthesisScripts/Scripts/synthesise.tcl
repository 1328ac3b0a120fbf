# Yosys (yosys -c synthesise.tcl): maps one module of a design onto a cell library.
# From the environment, paths without white space:
#   DF_TOP      the module
#   DF_SOURCES  its Verilog files
#   DF_BOXES    Verilog files of modules that stay black boxes: memories, modules mapped on their own;
#               may be empty
#   DF_LIBERTY  the library, one liberty file, unpacked
#   DF_DRIVER   a buffer of the library: what inputs are driven by; with one, ABC buffers and sizes;
#               may be empty
#   DF_CLOCK    the clock period in ns that ABC sizes for
#   DF_ADDERS   Verilog of df_full_adder and df_half_adder by the library's cells; may be empty
#   DF_OUTPUT   where to write: .v and .json, the netlist; .stat, Yosys' count of its cells
proc setting {name} { if {[info exists ::env($name)]} { return $::env($name) } else { return "" } }
yosys read_liberty -lib -ignore_miss_func $::env(DF_LIBERTY)
foreach file [setting DF_BOXES] { yosys read_verilog -lib $file }
foreach file $::env(DF_SOURCES) { yosys read_verilog $file }
yosys hierarchy -check -top $::env(DF_TOP)
if {[setting DF_ADDERS] ne ""} { yosys techmap -map [setting DF_ADDERS] }
yosys synth -flatten -top $::env(DF_TOP)
# Flip-flops by the declared name of what they hold, whatever becomes of their outputs' nets.
yosys rename -wire {t:$_*DFF*}
yosys dfflibmap -liberty $::env(DF_LIBERTY)
if {[setting DF_DRIVER] ne ""} {
  set constraints $::env(DF_OUTPUT).constr
  set file [open $constraints w]
  puts $file "set_driving_cell [setting DF_DRIVER]\nset_load 5.0 \[all_outputs\]"
  close $file
  yosys abc -liberty $::env(DF_LIBERTY) -constr $constraints \
    -D [expr {round(1000 * $::env(DF_CLOCK))}]
} else {
  yosys abc -liberty $::env(DF_LIBERTY)
}
yosys opt_clean -purge
yosys tee -q -o $::env(DF_OUTPUT).stat stat -liberty $::env(DF_LIBERTY)
yosys splitnets
yosys opt_clean
yosys setattr -unset src *
# Timing tools read no parameters of a memory.
foreach name {ADDRESS_BITS DEPTH WIDTH} { yosys setparam -unset $name t:df_sram_1r1w }
# One name for a cell in both files.
yosys rename -enumerate -pattern cell_% c:*
yosys write_json $::env(DF_OUTPUT).json
# Timing tools read no lists on the left of an assignment, which ports of several bits give.
yosys splitnets -ports
yosys opt_clean
yosys write_verilog -noattr -noexpr -nohex $::env(DF_OUTPUT).v
