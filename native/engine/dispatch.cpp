#include "dispatch.h"

#include <cstdlib>
#include <stdexcept>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(SQUEEZEBERT_HAS_AVXVNNI) || defined(SQUEEZEBERT_HAS_AMX)
#include <cpuid.h>
#endif

#if defined(SQUEEZEBERT_HAS_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define SQUEEZEBERT_DECLARE(isa) \
  namespace squeezebert::isa {   \
  extern const Kernels kernels;  \
  }

SQUEEZEBERT_DECLARE(portable)
#if defined(__x86_64__) || defined(_M_X64)
SQUEEZEBERT_DECLARE(amx)
SQUEEZEBERT_DECLARE(avx512vnni)
SQUEEZEBERT_DECLARE(avx2)
SQUEEZEBERT_DECLARE(avxvnni)
#elif defined(__aarch64__)
SQUEEZEBERT_DECLARE(neon)
#elif defined(__wasm__)
SQUEEZEBERT_DECLARE(wasm)
#endif

namespace squeezebert {

#if defined(SQUEEZEBERT_HAS_AVXVNNI)
namespace {

// Not every compiler's __builtin_cpu_supports knows it.
bool has_avxvnni() {
  unsigned a, b, c, d;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
         (a & (1u << 4));
}

}  // namespace
#endif

#if defined(SQUEEZEBERT_HAS_AMX)
namespace {

// Linux gives matrix registers only to a process that asks for them (ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
// It refuses where a thread's stack for signals is too small to save them.
bool has_amx() {
  unsigned a, b, c, d;
  const unsigned tiles_and_int8 = 3u << 24;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & tiles_and_int8) == tiles_and_int8 &&
         syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

}  // namespace
#endif

#if defined(__aarch64__)
namespace {

bool has_dot_product() {
#if defined(__linux__)
  return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#elif defined(__APPLE__)
  return true;  // Every 64-bit processor of Apple's computers has it.
#else
  return false;
#endif
}

}  // namespace
#endif

#if defined(SQUEEZEBERT_HAS_AVXVNNI) || defined(SQUEEZEBERT_HAS_AMX)
namespace {

// What differs from another set in its products of bytes alone has that one's functions on float32.
Kernels with_floats_of(const Kernels& other, Kernels kernels) {
  kernels.pack_fp32 = other.pack_fp32;
  kernels.linear_fp32 = other.linear_fp32;
  kernels.unpacked_fp32 = other.unpacked_fp32;
  kernels.activate = other.activate;
  kernels.norm = other.norm;
  kernels.add_norm = other.add_norm;
  kernels.store_keys_fp32 = other.store_keys_fp32;
  kernels.store_values_fp32 = other.store_values_fp32;
  kernels.attend_fp32 = other.attend_fp32;
  return kernels;
}

}  // namespace
#endif

const std::vector<const Kernels*>& instruction_sets() {
  static const std::vector<const Kernels*> sets = [] {
    std::vector<const Kernels*> found;
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni")) {
#if defined(SQUEEZEBERT_HAS_AMX)
      static const Kernels amx = with_floats_of(avx512vnni::kernels, amx::kernels);
      if (has_amx()) found.push_back(&amx);
#endif
      found.push_back(&avx512vnni::kernels);
    }
#if defined(SQUEEZEBERT_HAS_AVXVNNI)
    static const Kernels avxvnni = with_floats_of(avx2::kernels, avxvnni::kernels);
    if (has_avxvnni()) found.push_back(&avxvnni);
#endif
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::kernels);
#elif defined(__aarch64__)
    if (has_dot_product()) found.push_back(&neon::kernels);
#elif defined(__wasm__)
    found.push_back(&wasm::kernels);
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
