// AVX2 with FMA and F16C: 8 lanes, 16 registers, dot products of two 16-bit numbers.
//
// vpmaddubsw would take bytes, but it saturates; vpmaddwd on widened weights is exact, needs as few
// instructions (two for 16 products) and no temporary registers.
#pragma once

#include "avx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int depth = 2;
// 12 accumulators, 2 weights, 1 broadcast and 1 product of the 16 registers.
constexpr int tile_rows = 6;
constexpr int tile_vectors = 2;

using Code = std::int16_t;
constexpr int code_offset = 0;
constexpr int largest_probability = 255;

inline Ints load_weights(const std::int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Ints broadcast_codes(const Code* p) {
  std::int32_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm256_set1_epi32(step);
}
inline Ints dot(Ints sums, Ints codes, Ints weights) {
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights));
  // Else GCC adds the products of several steps first and has no registers left for the sums.
  keep_in_register(sums);
  return sums;
}

// 16 whole numbers to 16 bits, in order.
inline __m256i to_words(Ints a, Ints b) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), _MM_SHUFFLE(3, 1, 2, 0));
}
// The two values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  const __m256i low = _mm256_set1_epi32(0xff);
  const __m256i both = _mm256_or_si256(_mm256_and_si256(values[0], low),
                                       _mm256_slli_epi32(_mm256_and_si256(values[1], low), 8));
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(both, both), _MM_SHUFFLE(3, 1, 2, 0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_words(a, b));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 16), to_words(c, d));
}
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) { store_codes(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
