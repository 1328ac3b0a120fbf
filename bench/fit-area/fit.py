#!/usr/bin/env python3
"""Fits a technology's coefficients to what Yosys and OpenSTA say of emitted layers.

    fit.py WORK --liberty LIB... --layers DIR=FIRST-LAST ... [--json NAME]

DIR is a folder of `deepfreeze emit`. Each layer's module is synthesised alone (`synth -flatten;
dfflibmap; abc`), each stage with its layers and its memory as black boxes. WORK keeps the netlists: a
second run takes seconds. Areas are fitted by least squares of relative errors; energies are
OpenSTA's at two global activities. Printed: the residual of every module, the coefficients, and with
--json the `areas` and `energies` of a technology's JSON (its `clockPeriods`: `deepfreeze ppa`).

Needs yosys and sta (Debian: yosys, opensta); no Python package.
"""
import argparse, glob, hashlib, json, os, re, subprocess, sys

ACTIVITY = 0.44  # mean transitions a net and clock, measured on photographs
PERIOD = 1.0     # ns, at which power is asked for


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work")
    parser.add_argument("--liberty", required=True, help="one unpacked liberty, all cells in it")
    parser.add_argument("--layers", nargs="+", required=True, metavar="DIR=FIRST-LAST")
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="DIR=FIRST-LAST",
                        help="layers that are compared with the fit and have no part in it")
    parser.add_argument("--json", help="write the coefficients to this file")
    return parser.parse_args()


class Design:
    def __init__(self, folder):
        self.folder = folder
        self.description = json.load(open(os.path.join(folder, "design.json")))

    def path(self, module):
        return os.path.join(self.folder, "rtl", module + ".v")

    def templates(self):
        return sorted(glob.glob(os.path.join(self.folder, "rtl", "df_*.v")))


def run(command, log):
    with open(log, "w") as out:
        if subprocess.run(command, stdout=out, stderr=out).returncode != 0:
            sys.exit(f"{' '.join(command)} failed, see {log}")


def synthesise(args, sources, boxes, top):
    """Netlist and cell counts of `top`; {cell: count}."""
    text = "".join(open(f).read() for f in sources + boxes)
    key = hashlib.sha256((text + top + open(args.liberty).read()).encode()).hexdigest()[:16]
    base = os.path.join(args.work, f"{top}-{key}")
    if not os.path.exists(base + ".stat"):
        print("synthesising", top, flush=True)
        script = "".join(f"read_verilog -lib {f}\n" for f in boxes)
        script += "".join(f"read_verilog {f}\n" for f in sources)
        script += f"""hierarchy -top {top}
synth -flatten -top {top}
dfflibmap -liberty {args.liberty}
abc -liberty {args.liberty}
opt_clean
splitnets
opt_clean
write_verilog -noattr -noexpr -nohex {base}.v
tee -o {base}.tmp stat -liberty {args.liberty}
"""
        open(base + ".ys", "w").write(script)
        run(["yosys", "-q", base + ".ys"], base + ".log")
        os.rename(base + ".tmp", base + ".stat")
    stat = open(base + ".stat").read()
    cells = {m[0]: int(m[1]) for m in re.findall(r"^\s+(\w+)\s+(\d+)\s*$", stat, re.M)}
    area = float(re.search(r"Chip area.*: ([\d.e+]+)", stat).group(1))
    return base, cells, area


def power(args, base, top):
    """mW {activity: {group: dynamic power}} at PERIOD, and the worst slack in ns."""
    if not os.path.exists(base + ".power"):
        net = open(base + ".v").read().replace(" signed ", " ")
        open(base + ".sta.v", "w").write(net)
        open(base + ".tcl", "w").write(f"""read_liberty {args.liberty}
read_verilog {base}.sta.v
link_design {top}
set_cmd_units -time ns
create_clock -name aclk -period {PERIOD} [get_ports aclk]
puts "slack [format %.4f [expr 1e9 * [sta::worst_slack_cmd max]]]"
foreach a {{0.0 {ACTIVITY}}} {{
  set_power_activity -global -activity $a -duty 0.5
  puts "activity $a"
  report_power -digits 6
}}
exit
""")
        run(["sta", "-exit", base + ".tcl"], base + ".tmp")
        os.rename(base + ".tmp", base + ".power")
    text = open(base + ".power").read()
    slack = re.search(r"slack (\S+)", text)
    found = {}
    for activity, table in re.findall(r"activity (\S+)\n(.*?)(?=activity|\Z)", text, re.S):
        groups = re.findall(r"^(Sequential|Combinational)((?:\s+[\d.e+-]+){4})", table, re.M)
        found[float(activity)] = {
            g: 1000 * sum(float(x) for x in numbers.split()[:2]) for g, numbers in groups}
    if not slack or len(found) != 2:
        sys.exit(f"no power in {base}.power")
    return found, slack.group(1)


def library_area(liberty):
    areas = {}
    for match in re.finditer(r"\bcell\s*\(\s*\"?(\w+)\"?\s*\)", liberty):
        area = re.compile(r"\barea\s*:\s*([\d.]+)").search(liberty, match.end())
        areas[match.group(1)] = float(area.group(1))
    return areas


def flip_flops(liberty):
    """Names of cells that have an `ff` group."""
    names, starts = [], list(re.finditer(r"\bcell\s*\(\s*\"?(\w+)\"?\s*\)", liberty))
    for start, end in zip(starts, starts[1:] + [None]):
        body = liberty[start.end():end.start() if end else None]
        if re.search(r"\bff\s*\(", body):
            names.append(start.group(1))
    return set(names)


def least_squares(rows, values):
    """Coefficients of least relative error; a column whose coefficient is negative is left out."""
    columns = list(range(len(rows[0])))
    while True:
        scaled = [[row[c] / value for c in columns] for row, value in zip(rows, values)]
        n = len(columns)
        matrix = [[sum(r[i] * r[j] for r in scaled) for j in range(n)]
                  + [sum(r[i] for r in scaled)] for i in range(n)]
        for i in range(n):
            pivot = max(range(i, n), key=lambda k: abs(matrix[k][i]))
            matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
            for k in range(n):
                if k != i:
                    factor = matrix[k][i] / matrix[i][i]
                    matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i])]
        solution = [matrix[i][n] / matrix[i][i] for i in range(n)]
        worst = min(range(n), key=lambda i: solution[i])
        if solution[worst] >= 0:
            full = [0.0] * len(rows[0])
            for c, s in zip(columns, solution):
                full[c] = s
            return full
        del columns[worst]


def errors(rows, values, solution):
    return [sum(a * b for a, b in zip(row, solution)) / value - 1
            for row, value in zip(rows, values)]


def selected(arguments):
    """(design, layer) of every DIR=FIRST-LAST."""
    for argument in arguments:
        folder, _, span = argument.partition("=")
        first, last = (int(x) for x in span.split("-"))
        design = Design(folder)
        for layer in design.description["layers"][first - 1:last]:
            yield design, layer


def main():
    args = arguments()
    os.makedirs(args.work, exist_ok=True)
    liberty = open(args.liberty).read()
    areas, registers = library_area(liberty), flip_flops(liberty)

    def measure(design, layer):
        top = layer["module"]
        base, cells, area = synthesise(args, [design.path(top)] + [
            f for f in design.templates() if "adder" in f], [], top)
        cost = layer["cost"]
        sequential = sum(areas[c] * n for c, n in cells.items() if c in registers)
        return dict(name=layer["name"], base=base, top=top, area=area, sequential=sequential,
                    combinational=area - sequential, cost=cost,
                    logic=[cost["sumAdderBits"], cost["adderBits"] - cost["sumAdderBits"],
                           cost["requantizers"], cost["windowRegisterBits"]],
                    storage=[cost["registerBits"], cost["windowRegisterBits"]],
                    weights=cost["weights"])

    layers = [measure(d, l) for d, l in selected(args.layers)]
    held = [measure(d, l) for d, l in selected(args.hold_out)]
    logic = least_squares([l["logic"] for l in layers], [l["combinational"] for l in layers])
    storage = least_squares([l["storage"] for l in layers], [l["sequential"] for l in layers])

    def predicted(layer):
        return (sum(a * b for a, b in zip(layer["logic"], logic))
                + sum(a * b for a, b in zip(layer["storage"], storage)))

    print(f"{'layer':40} {'weights':>8} {'um2':>10} {'fit um2':>10} {'error':>7}")
    worst = 0.0
    for layer, part in [(l, "") for l in layers] + [(l, "held out") for l in held]:
        error = predicted(layer) / layer["area"] - 1
        if not part:
            worst = max(worst, abs(error))
        print(f"{layer['name'][:40]:40} {layer['weights']:8} {layer['area']:10.0f} "
              f"{predicted(layer):10.0f} {100 * error:6.1f}% {part}")
    for group, name in [(layers, "fitted"), (held, "held out")]:
        if group:
            total = sum(predicted(l) for l in group) / sum(l["area"] for l in group) - 1
            print(f"total of the {name}: {100 * total:.1f}%")

    # Stages: FIFO, line buffer and control, around black boxes.
    stages, sizes = [], []
    seen = set()
    for design, layer in selected(args.layers):
        for stage in design.description["stages"]:
            if layer["name"] not in stage["layers"] or (design.folder, stage["name"]) in seen:
                continue
            seen.add((design.folder, stage["name"]))
            modules = {l["name"]: l for l in design.description["layers"]}
            boxes = [design.path(modules[n]["module"]) for n in stage["layers"]]
            templates = design.templates()
            memory = [f for f in templates if f.endswith("df_sram_1r1w.v")]
            _, cells, area = synthesise(
                args, [f for f in templates if f not in memory] + [design.path(stage["module"])],
                memory + boxes, stage["module"])
            word = int(re.search(r"\.WIDTH\((\d+)\)", open(design.path(stage["module"])).read())
                       .group(1))
            pixel = re.search(r"\[(\d+):0\] in_pixel", open(design.path(stage["module"])).read())
            bits = int(pixel.group(1)) + 1 if pixel else 1
            stages.append(area)
            sizes.append([stage["fifoDepth"] * word, bits, 1])
    control = least_squares(sizes, stages)
    print(f"{'stage':>5} {'FIFO bits':>9} {'um2':>10} {'error':>7}")
    stage_errors = errors(sizes, stages, control)
    for index, (size, area, error) in enumerate(zip(sizes, stages, stage_errors)):
        print(f"{index + 1:5} {size[0]:9} {area:10.0f} {100 * error:6.1f}%")
    stage_worst = max(abs(e) for e in stage_errors)

    # Energies: OpenSTA's dynamic power at no activity and at the measured one.
    clock, data, adder, least = [], [], [], 0.0
    for layer in layers:
        found, slack = power(args, layer["base"], layer["top"])
        bits = sum(layer["storage"])
        idle, busy = found[0.0], found[ACTIVITY]
        clock.append(idle["Sequential"] * PERIOD / bits)
        data.append((busy["Sequential"] - idle["Sequential"]) * PERIOD / bits)
        adder.append(busy["Combinational"] * PERIOD)
        # Yosys does not buffer the enable of window registers: their layers' paths say nothing.
        if layer["cost"]["windowRegisterBits"] == 0:
            least = max(least, PERIOD - float(slack))
        print(f"{layer['name'][:40]:40} fJ a bit: clock {1000 * clock[-1]:.2f}, data "
              f"{1000 * data[-1]:.2f}; longest path {PERIOD - float(slack):.2f} ns")
    figures = {}
    for name, values in [("registerClock", clock), ("registerData", data)]:
        mean = sum(values) / len(values)
        figures[name] = (mean, max(abs(v / mean - 1) for v in values))
    rows = [[l["cost"]["adderBits"], l["cost"]["windowRegisterBits"]] for l in layers]
    switched = least_squares(rows, adder)
    error = max(abs(e) for e in errors(rows, adder, switched))
    figures["adderBit"], figures["windowBit"] = (switched[0], error), (switched[1], error)
    for name, (value, error) in figures.items():
        print(f"{name}: {1000 * value:.2f} fJ, error at most {100 * error:.0f}%")
    print(f"longest path behind registers: {least:.2f} ns")

    count = len(layers)
    names = ["sumAdderBit", "requantizerAdderBit", "requantizer"]
    coefficients = dict(zip(names, logic))
    coefficients["pipelineRegisterBit"] = storage[0]
    coefficients["windowRegisterBit"] = storage[1] + logic[3]
    for name, value in coefficients.items():
        print(f"{name}: {value:.4f} um2")
    print("fifoBit %.4f, pixelBit %.4f, stageControl %.1f um2" % tuple(control))
    if args.json:
        version = subprocess.run(["yosys", "-V"], capture_output=True, text=True).stdout.split()[1]
        tool = f"bench/fit-area on {count} emitted layers, Yosys {version}"

        def quantity(value, unit, source, error, kind="fitted"):
            value = float(f"{value:.5g}")
            return {"low": value, "high": value, "unit": unit, "provenance": {
                "kind": kind, "sources": [source], "error": float(f"{error:.3g}")}}
        areas_json = {n: quantity(v, "um2", tool, worst) for n, v in coefficients.items()}
        for name, value in zip(["fifoBit", "pixelBit", "stageControl"], control):
            areas_json[name] = quantity(value, "um2", tool, stage_worst)
        sta = f"{tool}, OpenSTA at a global activity of {ACTIVITY}"
        energies = {n: quantity(v, "pJ", sta, e) for n, (v, e) in figures.items()}
        energies["activity"] = ACTIVITY
        with open(args.json, "w") as out:
            json.dump({"areas": areas_json, "energies": energies}, out, indent=2, sort_keys=True)
            out.write("\n")


if __name__ == "__main__":
    main()
