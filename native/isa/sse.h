// What all sets of x86 do in vectors of 128 bits.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

#define SQUEEZEBERT_TRANSPOSES_KEYS
// As the generic one, four steps at a time: a 4 × 4 transpose of dwords.
template <int row_bytes>
inline void transpose_keys(const std::int8_t (&codes)[4][row_bytes], int steps, std::int8_t* target,
                           std::size_t step_bytes, std::int32_t (&totals)[4]) {
  static_assert(row_bytes % 16 == 0, "four steps are read at once");
  const __m128i ones = _mm_set1_epi8(1);
  auto* sums = reinterpret_cast<__m128i*>(totals);
  __m128i total = _mm_loadu_si128(sums);
  for (int step = 0; step < steps; step += 4) {
    __m128i key[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) key[k] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[k] + step * 4));
    const __m128i low_a = _mm_unpacklo_epi32(key[0], key[1]), low_b = _mm_unpacklo_epi32(key[2], key[3]);
    const __m128i high_a = _mm_unpackhi_epi32(key[0], key[1]), high_b = _mm_unpackhi_epi32(key[2], key[3]);
    const __m128i by_step[4] = {_mm_unpacklo_epi64(low_a, low_b), _mm_unpackhi_epi64(low_a, low_b),
                                _mm_unpacklo_epi64(high_a, high_b), _mm_unpackhi_epi64(high_a, high_b)};
    __m128i words = _mm_setzero_si128();
#pragma GCC unroll 4
    for (int s = 0; s < 4; ++s) {
      if (step + s < steps) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(target + (step + s) * step_bytes), by_step[s]);
      }
      words = _mm_add_epi16(words, _mm_maddubs_epi16(ones, by_step[s]));
    }
    total = _mm_add_epi32(total, _mm_madd_epi16(words, _mm_set1_epi16(1)));
  }
  _mm_storeu_si128(sums, total);
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
