import YosysNetlist

/// The ports of the templates, with the widths that an instance's parameters give them.
enum TemplatePorts {
  struct Ports {
    var inputs: [String: Int]
    var outputs: [String: Int]
  }

  /// The ports of an instance; nil when its module is no template, or a parameter that counts is
  /// missing or absurd.
  static func of(_ cell: Netlist.Cell) -> Ports? {
    func parameter(_ name: String) -> Int? {
      guard let value = cell.parameters[name]?.integer, (1...1 << 24).contains(value) else {
        return nil
      }
      return value
    }
    func bits(_ names: String...) -> [String: Int] {
      Dictionary(uniqueKeysWithValues: names.map { ($0, 1) })
    }
    var ports: Ports
    switch cell.type {
    case "df_window_control":
      guard let user = parameter("USER_BITS"), let rows = parameter("KERNEL_HEIGHT"),
        let columns = parameter("KERNEL_WIDTH")
      else { return nil }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "credit_return"),
        outputs: bits(
          "in_ready", "step", "column_step", "window_valid", "window_first", "window_last"))
      ports.inputs["in_user"] = user
      ports.outputs["window_user"] = user
      ports.outputs["row_real"] = rows
      ports.outputs["column_real"] = columns
    case "df_frame_accumulator_control":
      guard let user = parameter("USER_BITS") else { return nil }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "credit_return"),
        outputs: bits(
          "in_ready", "step", "accumulate_step", "accumulate_first", "result_valid",
          "result_first", "result_last"))
      ports.inputs["in_user"] = user
      ports.outputs["result_user"] = user
    case "df_serial_control":
      guard let user = parameter("USER_BITS"), let address = parameter("ADDRESS_BITS") else {
        return nil
      }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "credit_return"),
        outputs: bits(
          "in_ready", "load", "step", "group_first", "frame_first", "result_valid",
          "result_first", "result_last"))
      ports.inputs["in_user"] = user
      ports.outputs["result_user"] = user
      ports.outputs["address"] = address
    case "df_serial_accumulator":
      guard let codes = parameter("CODES"), let codeBits = parameter("CODE_BITS"),
        let weightBits = parameter("WEIGHT_BITS"), let unroll = parameter("UNROLL"),
        let lanes = parameter("LANES"), let groups = parameter("GROUPS"),
        let sumBits = parameter("SUM_BITS")
      else { return nil }
      ports = Ports(
        inputs: bits("aclk", "load", "step", "group_first", "frame_first"), outputs: [:])
      // Beyond what a netlist holds, so that products stay far inside `Int`.
      guard max(codes, codeBits, weightBits, unroll) <= 1 << 20,
        max(lanes, groups, sumBits) <= 1 << 20
      else { return nil }
      ports.inputs["codes"] = codes * codeBits
      ports.inputs["weights"] = lanes * unroll * weightBits
      ports.outputs["sums"] = groups * lanes * sumBits
    case "df_line_buffer":
      guard let pixel = parameter("PIXEL_BITS"), let rows = parameter("KERNEL_HEIGHT") else {
        return nil
      }
      ports = Ports(inputs: bits("aclk", "aresetn", "step", "column_step"), outputs: [:])
      ports.inputs["pixel"] = pixel
      ports.outputs["column"] = pixel * rows
    case "df_valid_pipeline":
      guard let user = parameter("USER_BITS"), let ranks = parameter("RANKS") else { return nil }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "in_first", "in_last"),
        outputs: bits("out_first", "out_last"))
      ports.inputs["in_user"] = user
      ports.outputs["out_user"] = user
      ports.outputs["valid"] = ranks + 1
    case "df_fifo":
      guard let width = parameter("WIDTH"), parameter("DEPTH") != nil else { return nil }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "out_ready"),
        outputs: bits("out_valid", "credit_return"))
      ports.inputs["in_data"] = width
      ports.outputs["out_data"] = width
    case "df_skip_fifo":
      guard let width = parameter("WIDTH"), parameter("DEPTH") != nil else { return nil }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "in_valid", "out_ready"),
        outputs: bits("in_ready", "out_valid"))
      ports.inputs["in_data"] = width
      ports.outputs["out_data"] = width
    case "df_fork":
      guard let readers = parameter("READERS") else { return nil }
      ports = Ports(inputs: bits("in_valid"), outputs: bits("in_ready"))
      ports.inputs["out_ready"] = readers
      ports.outputs["out_valid"] = readers
    case "df_join":
      guard let inputs = parameter("INPUTS") else { return nil }
      ports = Ports(inputs: bits("out_ready"), outputs: bits("out_valid"))
      ports.inputs["in_valid"] = inputs
      ports.outputs["in_ready"] = inputs
    case "df_stream_in":
      guard let data = parameter("DATA_BITS"), let user = parameter("USER_BITS") else {
        return nil
      }
      ports = Ports(
        inputs: bits("aclk", "aresetn", "s_axis_tvalid", "s_axis_tlast", "out_ready"),
        outputs: bits("s_axis_tready", "out_valid", "framing_error"))
      ports.inputs["s_axis_tdata"] = data
      ports.inputs["s_axis_tuser"] = user + 1
      ports.outputs["out_data"] = data
      ports.outputs["out_user"] = user
    default: return nil
    }
    return ports
  }

  /// The ports of a module of the design itself.
  static func of(_ netlist: Netlist) -> Ports {
    var ports = Ports(inputs: [:], outputs: [:])
    for port in netlist.ports {
      if port.direction == .output {
        ports.outputs[port.name] = port.bits.count
      } else {
        ports.inputs[port.name] = port.bits.count
      }
    }
    return ports
  }
}
