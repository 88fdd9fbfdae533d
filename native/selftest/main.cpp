// Checks every kernel and whole models on this processor, without Python:
//   selftest [--cases N] [--seed S] [--isa NAME] [--case K]
// Case K runs test K modulo the number of tests, on every instruction set or only on NAME; --case runs one again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "engine/dispatch.h"
#include "tests.h"

#if defined(__x86_64__)
namespace squeezebert::avxvnni_emulated {
extern const Kernels kernels;
}
namespace squeezebert::avx512vnni_emulated {
extern const Kernels kernels;
}
namespace squeezebert::amx_emulated {
extern const Kernels kernels;
}
#endif

namespace {

using namespace squeezebert;
using namespace squeezebert::selftest;
using namespace std::string_literals;

struct Options {
  int first = 0, cases = 520;
  std::uint64_t seed = 1;
  std::string isa;
};

int number(const char* text, const char* option) {
  char* end;
  const long value = std::strtol(text, &end, 10);
  if (*end || end == text || value < 0 || value > 1000000000) {
    throw std::invalid_argument(std::string(option) + " takes a number, not '" + text + "'");
  }
  return static_cast<int>(value);
}

Options options_of(int count, char** words) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    const std::string option = words[i];
    if (i + 1 == count) throw std::invalid_argument(option + " has no value");
    const char* value = words[i + 1];
    if (option == "--cases") {
      options.cases = number(value, "--cases");
    } else if (option == "--seed") {
      options.seed = number(value, "--seed");
    } else if (option == "--case") {
      options.first = number(value, "--case");
      options.cases = 1;
    } else if (option == "--isa") {
      options.isa = value;
    } else {
      throw std::invalid_argument("unknown option " + option + "; there are --cases, --seed, --isa and --case");
    }
  }
  return options;
}

bool passes(const Test& test, const Kernels& kernels, std::uint64_t seed, int index) {
  try {
    Random random(seed, index);
    test.run(random, kernels);
    return true;
  } catch (const std::exception& error) {
    std::printf("case %d, %s on %s: %s\n", index, test.name, kernels.name, error.what());
    return false;
  }
}

// All that this processor runs, itself or by emulation, or the one of that name.
std::vector<const Kernels*> chosen(const std::string& isa) {
  std::vector<const Kernels*> sets = instruction_sets();
#if defined(__x86_64__)
  if (std::any_of(sets.begin(), sets.end(), [](const Kernels* set) { return set->name == "avx2"s; })) {
    sets.insert(sets.end(),
                {&avxvnni_emulated::kernels, &avx512vnni_emulated::kernels, &amx_emulated::kernels});
  }
#endif
  if (isa.empty()) return sets;
  for (const Kernels* kernels : sets) {
    if (isa == kernels->name) return {kernels};
  }
  return {&choose_kernels(isa)};
}

}  // namespace

int main(int count, char** words) {
  Options options;
  std::vector<const Kernels*> sets;
  try {
    options = options_of(count, words);
    sets = chosen(options.isa);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "selftest: %s\n", error.what());
    return 2;
  }
  int passed = 0, failed = 0;
  for (const Kernels* kernels : sets) {
    for (int i = options.first; i < options.first + options.cases; ++i) {
      const Test& test = all_tests()[i % all_tests().size()];
      ++(passes(test, *kernels, options.seed, i) ? passed : failed);
    }
    std::printf("%s: %d cases\n", kernels->name, options.cases);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
