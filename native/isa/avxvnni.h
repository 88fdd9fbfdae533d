// AVX2 with VNNI, as processors without AVX-512 have it: 8 lanes, 16 registers, dot products of four bytes.
#pragma once

#include "avx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int depth = 4;
// 12 accumulators, 2 weights and 1 broadcast of the 16 registers.
constexpr int tile_rows = 6;
constexpr int tile_vectors = 2;

// vpdpbusd multiplies unsigned by signed bytes, so activations are stored with an offset.
using Code = std::uint8_t;
constexpr int code_offset = 128;
constexpr int largest_probability = 255;

inline Ints load_weights(const std::int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Ints broadcast_codes(const Code* p) {
  std::int32_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm256_set1_epi32(step);
}
inline Ints dot(Ints sums, Ints codes, Ints weights) {
#if defined(__AVXVNNI__)
  return _mm256_dpbusd_avx_epi32(sums, codes, weights);
#else
  // The same with AVX-512's encoding, for tests on processors that have only that one.
  return _mm256_dpbusd_epi32(sums, codes, weights);
#endif
}

// The four values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  const __m256i low = _mm256_set1_epi32(0xff);
  const __m256i first = _mm256_or_si256(_mm256_and_si256(values[0], low),
                                        _mm256_slli_epi32(_mm256_and_si256(values[1], low), 8));
  const __m256i last = _mm256_or_si256(_mm256_slli_epi32(_mm256_and_si256(values[2], low), 16),
                                       _mm256_slli_epi32(values[3], 24));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_or_si256(first, last));
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) {
  const __m256i bytes = _mm256_xor_si256(to_bytes(a, b, c, d), _mm256_set1_epi8(-128));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bytes);
}
// Whole numbers in [0, 255], without the offset.
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) {
  const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permutevar8x32_epi32(packed, order));
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
