// AVX2 with FMA: dot products of four bytes by way of 16-bit sums of two.
//
// vpmaddubsw saturates beyond 16 bits. Activations of 7 bits never take it there: 2 · 127 · 128 < 2^15. On
// weights widened to 16 bits, vpmaddwd would take activations of 8 bits, in five eighths of the speed.
#pragma once

#include "avx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int code_offset = 64;
constexpr int largest_code = 63;
constexpr int largest_probability = 127;

alignas(32) constexpr std::int16_t ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

inline Ints dot(Ints sums, Ints codes, Ints weights) {
  Ints products = _mm256_maddubs_epi16(codes, weights);
  // From memory, because GCC would keep the ones in a register and one of the sums in memory.
  asm("vpmaddwd %1, %0, %0" : "+x"(products) : "m"(ones));
  sums = _mm256_add_epi32(sums, products);
  // Else GCC adds the products of several steps first and has no registers left for the sums.
  keep_in_register(sums);
  return sums;
}

inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_offset_bytes<code_offset>(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
