#include "dispatch.h"

#include <cstdlib>
#include <stdexcept>

#define SQUEEZEBERT_DECLARE(isa) \
  namespace squeezebert::isa {   \
  extern const Kernels kernels;  \
  }

SQUEEZEBERT_DECLARE(portable)
#if defined(__x86_64__) || defined(_M_X64)
SQUEEZEBERT_DECLARE(avx512vnni)
SQUEEZEBERT_DECLARE(avx2)
#endif

namespace squeezebert {

const std::vector<const Kernels*>& instruction_sets() {
  static const std::vector<const Kernels*> sets = [] {
    std::vector<const Kernels*> found;
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni")) {
      found.push_back(&avx512vnni::kernels);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels);
#endif
    found.push_back(&portable::kernels);
    return found;
  }();
  return sets;
}

const Kernels& choose_kernels(const std::string& name) {
  const char* forced = std::getenv("SQUEEZEBERT_ISA");
  const std::string wanted = name.empty() && forced ? forced : name;
  std::string names;
  for (const Kernels* kernels : instruction_sets()) {
    if (wanted.empty() || wanted == kernels->name) return *kernels;
    names += (names.empty() ? "" : ", ") + std::string(kernels->name);
  }
  throw std::invalid_argument("instruction set '" + wanted + "' is not one that this machine runs: " + names +
                              "; see the environment variable SQUEEZEBERT_ISA");
}

}  // namespace squeezebert
