import RTL
import SynthesisScripts

/// `syn/` of an emitted folder: a makefile that maps and times every module with Yosys and OpenSTA, the
/// scripts that it runs, and the top's constraints for other tools.
enum SynthesisFolder {
  /// `period` in ns.
  static func files(_ design: DesignDescription, period: Double?) -> [EmittedFile] {
    let period = period.map { String($0) } ?? usualPeriod
    return [
      EmittedFile("syn/synthesise.tcl", text: SynthesisScripts.synthesise),
      EmittedFile("syn/timing.tcl", text: SynthesisScripts.timing),
      EmittedFile("syn/Makefile", text: makefile(design, period)),
      EmittedFile("syn/\(design.name).sdc", text: constraints(design, period)),
    ]
  }

  /// The period that the makefile and the constraints begin with, ns; no library is known yet.
  private static let usualPeriod = "10.0"

  private static func makefile(_ design: DesignDescription, _ period: String) -> String {
    let units = SynthesisUnit.units(of: design) { _ in false }
    var text = """
      # make area timing LIBERTY=cells.lib [BUFFER=BUF_X1] [CLOCK=2.0] [-j 2]
      #
      # Maps every module of \(design.name) by itself and times it, without wires. Memories
      # (df_sram_1r1w) stay black boxes: put a macro of the process in their place.
      #   LIBERTY  one liberty file, unpacked; Debian's qflow-tech-osu018 unless given
      #   BUFFER   one of its buffers: nets with many readers are buffered with it
      #   CLOCK    the clock period in ns
      LIBERTY ?= /usr/share/qflow/tech/osu018/osu018_stdcells.lib
      ifeq ($(notdir $(LIBERTY)),osu018_stdcells.lib)
      BUFFER ?= BUFX2
      endif
      CLOCK ?= \(period)
      YOSYS ?= yosys
      STA ?= sta
      OUT ?= out

      MODULES = \\
      \(units.map { "  \($0.module)" }.joined(separator: " \\\n"))

      .PHONY: area timing clean
      .DELETE_ON_ERROR:
      .SECONDARY:

      area: $(MODULES:%=$(OUT)/%.v)
      \t@awk '/Chip area for/ { name = FILENAME; sub(".*/", "", name); sub("[.]stat", "", name); \\
      \t  sum += $$NF; printf "%14.2f  %s\\n", $$NF, name } \\
      \t  END { printf "%14.2f  all, without memories\\n", sum }' $(MODULES:%=$(OUT)/%.stat)

      timing: $(MODULES:%=$(OUT)/%.timing)
      \t@for module in $(MODULES); do \\
      \t  awk -v module=$$module '/^path / { title = $$2 } / slack \\(/ { \\
      \t    printf "%10.4f  %-7s %s\\n", $(CLOCK) - $$1, title, module }' $(OUT)/$$module.timing; \\
      \tdone
      \t@echo "ns that the longest paths need: inside, from inputs, to outputs; the clock: $(CLOCK)"

      $(OUT)/%.timing: $(OUT)/%.v timing.tcl
      \tDF_TOP=$* DF_NETLIST=$< DF_LIBERTY=$(LIBERTY) DF_CLOCK=$(CLOCK) \\
      \t  $(STA) -exit timing.tcl > $@
      \t@! grep -H "^Error" $@ && grep -q "^path end" $@

      clean:
      \trm -rf $(OUT)


      """
    for unit in units {
      let sources = unit.sources.map { "../" + $0 }.joined(separator: " ")
      let boxes = unit.boxes.map { "../" + $0 }.joined(separator: " ")
      text += """
        $(OUT)/\(unit.module).v: \(sources) \(boxes) synthesise.tcl
        \t@test -r "$(LIBERTY)" || { \\
        \t  echo "There is no library $(LIBERTY): give LIBERTY=cells.lib"; exit 1; }
        \t@mkdir -p $(OUT)
        \tDF_TOP=\(unit.module) DF_OUTPUT=$(OUT)/\(unit.module) \\
        \t  DF_LIBERTY=$(LIBERTY) DF_DRIVER=$(BUFFER) DF_CLOCK=$(CLOCK) \\
        \t  DF_SOURCES="\(sources)" \\
        \t  DF_BOXES="\(boxes)" \\
        \t  $(YOSYS) -q -c synthesise.tcl > $(OUT)/\(unit.module).log
        \t@sed -i 's/ signed / /' $@


        """
    }
    return text
  }

  private static func constraints(_ design: DesignDescription, _ period: String) -> String {
    let bus =
      design.registerMap == nil
      ? ""
      : """
      set_input_delay $outside -clock aclk [get_ports {s_axil_awvalid s_axil_awaddr* \\
        s_axil_awprot* s_axil_wvalid s_axil_wdata* s_axil_wstrb* s_axil_bready s_axil_arvalid \\
        s_axil_araddr* s_axil_arprot* s_axil_rready}]
      set_output_delay $outside -clock aclk [get_ports {s_axil_awready s_axil_wready s_axil_bvalid \\
        s_axil_bresp* s_axil_arready s_axil_rvalid s_axil_rdata* s_axil_rresp*}]

      """
    return """
      # \(design.name): one clock; both streams come and go with it.
      set period \(period)
      create_clock -name aclk -period $period [get_ports aclk]
      # A third of the period for what is outside.
      set outside [expr {$period / 3.0}]
      set_input_delay $outside -clock aclk [get_ports {aresetn s_axis_tvalid s_axis_tdata* \\
        s_axis_tuser* s_axis_tlast m_axis_tready}]
      set_output_delay $outside -clock aclk [get_ports {s_axis_tready m_axis_tvalid m_axis_tdata* \\
        m_axis_tuser* m_axis_tlast framing_error}]
      \(bus)
      """
  }
}
