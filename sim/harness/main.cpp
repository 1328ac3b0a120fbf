// The Verilator driver of a deepfreeze design: plays a stimulus file into the module `taps`, which
// writes the record file.
//
//   Vtaps STIMULUS +record=FILE
//
// Cycle c ends with rising edge c. Inputs change after an edge and stand still until the next, so an
// edge samples the inputs of its own cycle. The stimulus file is the one that bench.v reads; its
// format is in stimulus-format.txt.
#include "Vtaps.h"
#include "verilated.h"

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
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
  return context->gotFinish() ? 2 : 0;
}
