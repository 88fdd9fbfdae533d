// What the sets with vectors of 256 bits share: 8 lanes, 16 registers, unsigned activations times signed weights.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

using Floats = __m256;
using Ints = __m256i;

constexpr int lanes = 8;
constexpr int depth = 4;
// 12 accumulators, 2 weights and 1 broadcast of the 16 registers.
constexpr int tile_rows = 6;
constexpr int tile_vectors = 2;

using Code = std::uint8_t;

inline Floats zeros() { return _mm256_setzero_ps(); }
inline Floats broadcast(float x) { return _mm256_set1_ps(x); }
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline Floats load_partial(const float* p, int count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane));
}
inline void store(float* p, Floats x) { _mm256_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats abs(Floats x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
inline Floats round(Floats x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Floats times_power_of_two(Floats x, Floats n) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(x, _mm256_castsi256_ps(exponent));
}
inline float sum(Floats x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
inline float largest(Floats x) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

inline void keep_in_register(Ints& x) { asm volatile("" : "+v"(x)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+v"(x)); }

inline Ints load(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store(std::int32_t* p, Ints x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
inline Ints to_ints(Floats x) { return _mm256_cvtps_epi32(x); }
inline Floats to_floats(Ints x) { return _mm256_cvtepi32_ps(x); }

// 32 whole numbers in [-128, 127] to bytes, in order.
inline __m256i to_bytes(Ints a, Ints b, Ints c, Ints d) {
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  // Packing works inside 128-bit lanes: put the two dwords of each vector together again.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return _mm256_permutevar8x32_epi32(bytes, order);
}
inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bytes(a, b, c, d));
}

inline Ints load_weights(const std::int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Ints broadcast_codes(const Code* p) {
  std::int32_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm256_set1_epi32(step);
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
// 32 whole numbers in [-128, 127], plus `offset`, to unsigned bytes, in order.
template <int offset>
inline void store_offset_bytes(Code* p, Ints a, Ints b, Ints c, Ints d) {
  const __m256i bytes = _mm256_add_epi8(to_bytes(a, b, c, d), _mm256_set1_epi8(static_cast<char>(offset)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bytes);
}
// Whole numbers in [0, 255], without an offset.
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) {
  const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permutevar8x32_epi32(packed, order));
}

#define SQUEEZEBERT_TRANSPOSES_KEYS
// As the generic one, four steps at a time: a 4 × 4 transpose of dwords.
inline void transpose_keys(const std::int8_t (&codes)[4][32], int steps, std::int8_t* target, std::size_t step_bytes,
                           std::int32_t (&totals)[4]) {
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
