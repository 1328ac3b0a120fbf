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
#   DF_PART     a module of more than three times so many registers (words) is mapped in parts of so many;
#               2000 unless given
#   DF_OUTPUT   where to write: .v and .json, the netlist; .stat, Yosys' count of its cells
proc setting {name} { if {[info exists ::env($name)]} { return $::env($name) } else { return "" } }

# The lines that a command of Yosys prints.
proc printed {args} {
  set path $::env(DF_OUTPUT).list
  yosys tee -q -o $path {*}$args
  set file [open $path]
  set lines [split [string trim [read $file]] "\n"]
  close $file
  file delete $path
  return $lines
}

# The registers of the module, by `part` of them, with all gates up to the registers before, become modules of
# their own. A gate that two parts need is in one of them: nothing is doubled.
proc split_module {registers part} {
  set path $::env(DF_OUTPUT).list
  set number 0
  for {set first 0} {$first < [llength $registers]} {incr first $part} {
    set file [open $path w]
    puts $file [join [lrange $registers $first [expr {$first + $part - 1}]] "\n"]
    close $file
    yosys select -set chunk -read $path
    yosys setattr -set submod \"df_part$number\" @chunk \
      @chunk %ci1 %ci*:-\$dff,\$dffe,\$sdff,\$sdffe,\$sdffce,\$adff,\$adffe %s t:* %i
    incr number
  }
  file delete $path
  yosys submod
}

# Registers and gates to cells of the library.
proc map_cells {} {
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
}

yosys read_liberty -lib -ignore_miss_func $::env(DF_LIBERTY)
foreach file [setting DF_BOXES] { yosys read_verilog -lib $file }
foreach file $::env(DF_SOURCES) { yosys read_verilog $file }
yosys hierarchy -check -top $::env(DF_TOP)
if {[setting DF_ADDERS] ne ""} { yosys techmap -map [setting DF_ADDERS] }
yosys synth -flatten -top $::env(DF_TOP) -run begin:fine
set part [expr {[setting DF_PART] eq "" ? 2000 : [setting DF_PART]}]
set registers [printed select -list t:\$*dff*]
if {[llength $registers] > 3 * $part} {
  # The whole of a layer of 65,536 weights takes more than 20 GB between techmap and opt.
  split_module $registers $part
  foreach line [printed ls] {
    if {![regexp {^  (\S+)$} $line all module]} continue
    yosys cd $module
    yosys opt -fast -full
    yosys memory_map
    yosys opt -full
    yosys techmap
    yosys opt -fast
    yosys abc -fast
    yosys opt -fast
    map_cells
    yosys cd ..
  }
  yosys flatten
  yosys opt_clean -purge
} else {
  yosys synth -top $::env(DF_TOP) -run fine:
  map_cells
}
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
