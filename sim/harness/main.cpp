// The Verilator driver of a deepfreeze design: plays a stimulus file into the module `taps`, which
// writes the record file.
//
//   Vtaps STIMULUS +record=FILE
//
// A model that was built with --trace also counts how often bits change, from cycle FROM on:
//
//   Vtaps STIMULUS +record=FILE +activity=FILE +activity-from=FROM
//
// writes a line "BITS TRANSITIONS NAME" for every signal.
//
// Cycle c ends with rising edge c. Inputs change after an edge and stand still until the next, so an
// edge samples the inputs of its own cycle. The stimulus file is the one that bench.v reads; its
// format is in stimulus-format.txt.
#include "Vtaps.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(2);
}

// The numbers of a text file, one after the other.
class Numbers {
 public:
  explicit Numbers(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr) fail(std::string("cannot read the stimulus ") + path);
    static char buffer[1 << 16];
    std::size_t count;
    while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0) text_.append(buffer, count);
    std::fclose(file);
  }

  uint64_t decimal() {
    skipSpace();
    if (at_ == text_.size() || !std::isdigit(static_cast<unsigned char>(text_[at_]))) failHere();
    uint64_t value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      value = 10 * value + static_cast<uint64_t>(text_[at_++] - '0');
    }
    return value;
  }

  // A hexadecimal number of any length, in words of 32 bits, the lowest first.
  void hexadecimal(std::vector<uint32_t>& words) {
    skipSpace();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    const std::size_t count = at_ - begin;
    if (count == 0) failHere();
    words.assign((count + 7) / 8, 0);
    for (std::size_t digit = 0; digit < count; ++digit) {
      const char c = text_[at_ - 1 - digit];
      const uint32_t value =
          c <= '9' ? static_cast<uint32_t>(c - '0') : static_cast<uint32_t>((c | 32) - 'a' + 10);
      words[digit / 8] |= value << (4 * (digit % 8));
    }
  }

 private:
  void skipSpace() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  [[noreturn]] static void failHere() {
    fail("the stimulus ends early or holds something that is no number");
  }

  std::string text_;
  std::size_t at_ = 0;
};

// Ports are plain integers up to 64 bits and arrays of 32-bit words above.
template <typename Integer>
void put(Integer& port, const std::vector<uint32_t>& words) {
  uint64_t value = words.empty() ? 0 : words[0];
  if (words.size() > 1) value |= static_cast<uint64_t>(words[1]) << 32;
  port = static_cast<Integer>(value);
}

template <std::size_t Words>
void put(VlWide<Words>& port, const std::vector<uint32_t>& words) {
  for (std::size_t word = 0; word < Words; ++word) {
    port[word] = word < words.size() ? words[word] : 0;
  }
}

#if VM_TRACE
// Takes the text of a waveform in place of a file and counts transitions.
class Transitions final : public VerilatedVcdFile {
 public:
  bool open(const std::string&) override { return true; }
  void close() override {}

  ssize_t write(const char* text, ssize_t count) override {
    for (ssize_t at = 0; at < count; ++at) {
      if (text[at] != '\n') {
        line_ += text[at];
      } else {
        read();
        line_.clear();
      }
    }
    return count;
  }

  void print(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) fail("cannot write the activity " + path);
    for (const Name& name : names_) {
      const Signal& signal = signals_[name.signal];
      std::fprintf(file, "%zu %llu %s\n", name.bits,
                   static_cast<unsigned long long>(signal.transitions), name.text.c_str());
    }
    std::fclose(file);
  }

 private:
  struct Signal {
    std::string value;
    uint64_t transitions = 0;
  };
  struct Name {
    std::size_t signal, bits;
    std::string text;
  };

  void read() {
    if (line_.empty() || line_[0] == '#') return;
    if (line_.find('$') != std::string::npos && !isChange()) {
      declare();
      return;
    }
    if (!isChange()) return;
    std::size_t begin = 0, end = 1, id = 1;
    if (line_[0] == 'b') {
      begin = 1;
      end = line_.find(' ');
      if (end == std::string::npos) return;
      id = end + 1;
    }
    const auto found = codes_.find(line_.substr(id));
    if (found == codes_.end()) return;
    Signal& signal = signals_[found->second];
    const std::size_t bits = end - begin;
    if (signal.value.size() == bits) {
      for (std::size_t bit = 0; bit < bits; ++bit) {
        signal.transitions += signal.value[bit] != line_[begin + bit];
      }
    }
    signal.value.assign(line_, begin, bits);
  }

  bool isChange() const { return line_[0] == '0' || line_[0] == '1' || line_[0] == 'b'; }

  // "$scope module NAME $end", "$upscope $end", "$var wire BITS CODE NAME [7:0] $end".
  void declare() {
    std::vector<std::string> words;
    std::size_t at = 0;
    while (at < line_.size()) {
      while (at < line_.size() && line_[at] == ' ') ++at;
      const std::size_t start = at;
      while (at < line_.size() && line_[at] != ' ') ++at;
      if (at > start) words.push_back(line_.substr(start, at - start));
    }
    if (words.empty()) return;
    if (words[0] == "$scope" && words.size() > 2) {
      scopes_.push_back(words[2]);
    } else if (words[0] == "$upscope" && !scopes_.empty()) {
      scopes_.pop_back();
    } else if (words[0] == "$var" && words.size() > 4) {
      const auto known = codes_.emplace(words[3], signals_.size());
      if (known.second) signals_.emplace_back();
      std::string text;
      for (const std::string& scope : scopes_) text += scope + ".";
      names_.push_back({known.first->second, std::stoul(words[2]), text + words[4]});
    }
  }

  std::string line_;
  std::vector<std::string> scopes_;
  std::vector<Name> names_;
  std::vector<Signal> signals_;
  std::unordered_map<std::string, std::size_t> codes_;
};

// The value of the plus argument `name`, or nothing.
std::string plusArgument(VerilatedContext& context, const std::string& name) {
  const std::string match = context.commandArgsPlusMatch(name.c_str());
  return match.empty() ? "" : match.substr(name.size() + 1);
}
#endif

struct Reset {
  uint64_t begin, end;
};

struct Beat {
  uint64_t gap;
  uint8_t last;
  std::vector<uint32_t> user, data;

  void read(Numbers& numbers) {
    gap = numbers.decimal();
    last = static_cast<uint8_t>(numbers.decimal());
    numbers.hexadecimal(user);
    numbers.hexadecimal(data);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("usage: Vtaps STIMULUS +record=FILE");
  Numbers numbers(argv[1]);
  const uint64_t cycles = numbers.decimal();
  std::vector<uint8_t> ready(numbers.decimal());
  for (auto& bit : ready) bit = static_cast<uint8_t>(numbers.decimal());
  if (ready.empty()) fail("the stimulus has no pattern of m_axis_tready");
  std::vector<Reset> resets(numbers.decimal());
  for (auto& reset : resets) {
    reset.begin = numbers.decimal();
    reset.end = numbers.decimal();
  }
  uint64_t beatsLeft = numbers.decimal();

  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
  const auto top = std::make_unique<Vtaps>(context.get());

#if VM_TRACE
  const std::string activity = plusArgument(*context, "activity=");
  const std::string from = plusArgument(*context, "activity-from=");
  const uint64_t firstCycle = from.empty() ? 0 : std::strtoull(from.c_str(), nullptr, 10);
  Transitions transitions;
  const auto trace = std::make_unique<VerilatedVcdC>(&transitions);
  if (!activity.empty()) {
    context->traceEverOn(true);
    top->trace(trace.get(), 99);
    trace->open("activity");
  }
#endif

  Beat beat{};
  if (beatsLeft > 0) beat.read(numbers);
  uint64_t wait = beat.gap;
  std::size_t nextReset = 0;
  top->aclk = 0;
  for (uint64_t cycle = 0; cycle < cycles && !context->gotFinish(); ++cycle) {
    while (nextReset < resets.size() && resets[nextReset].end <= cycle) ++nextReset;
    const bool inReset = nextReset < resets.size() && resets[nextReset].begin <= cycle;
    const bool offered = !inReset && beatsLeft > 0 && wait == 0;
    top->aresetn = inReset ? 0 : 1;
    top->m_axis_tready = ready[cycle % ready.size()];
    top->s_axis_tvalid = offered ? 1 : 0;
    if (offered) {
      put(top->s_axis_tdata, beat.data);
      put(top->s_axis_tuser, beat.user);
      top->s_axis_tlast = beat.last;
    }
    top->eval();
    const bool accepted = offered && top->s_axis_tready;
    context->timeInc(1);
    top->aclk = 1;
    top->eval();
#if VM_TRACE
    // What stands behind an edge is what the next cycle sees.
    if (!activity.empty() && cycle + 1 >= firstCycle) trace->dump(context->time());
#endif
    context->timeInc(1);
    top->aclk = 0;

    if (inReset) {
      wait = beat.gap;
    } else if (accepted) {
      if (--beatsLeft > 0) beat.read(numbers);
      wait = beat.gap;
    } else if (wait > 0) {
      --wait;
    }
  }
  top->final();
#if VM_TRACE
  if (!activity.empty()) {
    trace->close();
    transitions.print(activity);
  }
#endif
  return context->gotFinish() ? 2 : 0;
}
