// AVX-512 with VNNI, and AMX: matrix registers of 16 rows × 64 bytes beside the vector registers.
//
// The compiler's own intrinsics do not say that they read memory (GCC 12), so stores before them may be lost.
#pragma once

#include "avx512.h"

namespace squeezebert::SQUEEZEBERT_ISA {

#define SQUEEZEBERT_MULTIPLIES_MATRICES

// Matrices may be of signed bytes on both sides, so codes have no offset.
using Code = std::int8_t;
constexpr int code_offset = 0;

inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_bytes(p, a, b, c, d); }

// For `dot`, which takes unsigned bytes.
#define SQUEEZEBERT_OFFSETS_LOADED_CODES
constexpr int dot_offset = 128;
inline Ints load_codes(const Code* p) { return _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(-128)); }

constexpr int matrix_rows = 16;
// Inputs that one product of matrices takes.
constexpr int matrix_inputs = 64;

#if defined(__AMX_TILE__)

// Shapes of the eight registers, as the instruction reads them.
struct MatrixShapes {
  alignas(64) std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

inline void set_shapes(const MatrixShapes& shapes) { asm volatile("ldtilecfg %0" ::"m"(shapes)); }
inline void release_matrices() { asm volatile("tilerelease"); }

// Rows of 64 bytes, one `stride` bytes after the other.
template <int matrix>
inline void load_matrix(const void* from, std::size_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(matrix) : "memory");
}
// The same of rows that need not stay in the first-level cache.
template <int matrix>
inline void load_passing_matrix(const void* from, std::size_t stride) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(matrix) : "memory");
}
template <int matrix>
inline void store_matrix(void* to, std::size_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(matrix) : "memory");
}
template <int matrix>
inline void clear_matrix() {
  asm volatile("tilezero %%tmm%c0" ::"i"(matrix));
}
// sums[r, c] += codes[r, :] · weights[:, c]: signed weights and codes of either type.
template <typename C, int sums, int codes, int weights>
inline void dot_matrices() {
  if constexpr (static_cast<C>(-1) < 0) {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(codes), "i"(weights));
  } else {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(codes), "i"(weights));
  }
}

#endif  // Else emulated by the self-test.

}  // namespace squeezebert::SQUEEZEBERT_ISA
