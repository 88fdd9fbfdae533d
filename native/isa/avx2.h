// AVX2 with FMA: dot products of four bytes by way of 16-bit sums of two, or of twelve by way of sums of six.
//
// vpmaddubsw saturates beyond 16 bits. Activations of 7 bits never take it there: 2 · 127 · 128 < 2^15. On
// weights widened to 16 bits, vpmaddwd would take activations of 8 bits, in five eighths of the speed.
#pragma once

#include "avx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int code_offset = 64;
constexpr int largest_code = 63;
constexpr int largest_probability = 127;

inline Ints add_words(Ints sums, Ints words) {
  words = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
  // GCC would add into another register and move the sum back, or add the products of several steps first.
  asm volatile("vpaddd %1, %0, %0" : "+x"(sums) : "x"(words));
  return sums;
}
inline Ints dot(Ints sums, Ints codes, Ints weights) { return add_words(sums, _mm256_maddubs_epi16(codes, weights)); }

// The words of several steps are added before they become dwords: three steps in seven instructions instead of nine.
#define SQUEEZEBERT_GROUPS_STEPS
template <int steps>
inline Ints dot_steps(Ints sums, const Ints (&codes)[steps], const Ints (&weights)[steps]) {
  Ints words = _mm256_maddubs_epi16(codes[0], weights[0]);
#pragma GCC unroll 3
  for (int s = 1; s < steps; ++s) words = _mm256_add_epi16(words, _mm256_maddubs_epi16(codes[s], weights[s]));
  return add_words(sums, words);
}
// Whether the words hold the sums of such steps for all codes: those are at most 127, so that the weights of a word
// whose sign is the same may sum to 258.
inline bool words_hold(const std::int8_t* const* weights, int steps) {
  const Ints zero = _mm256_setzero_si256(), bytes = _mm256_set1_epi8(1);
  const Ints most = _mm256_set1_epi16(32767 / (code_offset + largest_code));
  Ints above = zero, below = zero;
  for (int s = 0; s < steps; ++s) {
    const Ints step = load_weights(weights[s]);
    above = _mm256_add_epi16(above, _mm256_maddubs_epi16(bytes, _mm256_max_epi8(step, zero)));
    below = _mm256_sub_epi16(below, _mm256_maddubs_epi16(bytes, _mm256_min_epi8(step, zero)));
  }
  const Ints beyond = _mm256_cmpgt_epi16(_mm256_max_epi16(above, below), most);
  return _mm256_testz_si256(beyond, beyond);
}

inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_offset_bytes<code_offset>(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
