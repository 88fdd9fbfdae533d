// AVX-512 with VNNI: 16 lanes, 32 registers, dot products of four bytes. How activations are coded, those who include
// this say.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

using Floats = __m512;
using Ints = __m512i;

constexpr int lanes = 16;
constexpr int depth = 4;
// 24 accumulators, 3 weights and 1 broadcast of the 32 registers.
constexpr int tile_rows = 8;
constexpr int tile_vectors = 3;

constexpr int largest_code = 127;

inline Floats zeros() { return _mm512_setzero_ps(); }
inline Floats broadcast(float x) { return _mm512_set1_ps(x); }
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline Floats load_partial(const float* p, int count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
inline void store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats abs(Floats x) { return _mm512_abs_ps(x); }
inline Floats round(Floats x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// x * 2^n for whole n.
inline Floats times_power_of_two(Floats x, Floats n) { return _mm512_scalef_ps(x, n); }
inline Ints bits_of(Floats x) { return _mm512_castps_si512(x); }
// The larger of the magnitudes.
#define SQUEEZEBERT_COMPARES_MAGNITUDES
inline Floats larger_magnitude(Floats a, Floats b) { return _mm512_range_ps(a, b, 11); }
// x, but with the magnitude of `most` where that is smaller.
inline Floats clip(Floats x, Floats most) { return _mm512_range_ps(x, most, 2); }
// table[index], where the lowest five bits of each lane are the index.
#define SQUEEZEBERT_LOOKS_UP
inline Floats look_up(const float (&table)[32], Ints index) {
  return _mm512_permutex2var_ps(_mm512_load_ps(table), index, _mm512_load_ps(table + 16));
}
inline float sum(Floats x) { return _mm512_reduce_add_ps(x); }
inline float largest(Floats x) { return _mm512_reduce_max_ps(x); }

#if defined(__AVX512F__)
inline void keep_in_register(Ints& x) { asm volatile("" : "+v"(x)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+v"(x)); }
#else
// Emulated by the self-test.
inline void keep_in_register(Ints&) {}
inline void keep_in_register(Floats&) {}
#endif

inline Ints load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
inline void store(std::int32_t* p, Ints x) { _mm512_storeu_si512(p, x); }
inline Ints to_ints(Floats x) { return _mm512_cvtps_epi32(x); }
inline Floats to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }

inline Ints load_weights(const std::int8_t* p) { return _mm512_loadu_si512(p); }
inline Ints broadcast_codes(const void* p) {
  std::int32_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm512_set1_epi32(step);
}
// Of unsigned codes.
inline Ints dot(Ints sums, Ints codes, Ints weights) { return _mm512_dpbusd_epi32(sums, codes, weights); }

// 64 whole numbers in [-128, 127] to bytes.
inline __m512i to_bytes(Ints a, Ints b, Ints c, Ints d) {
  const __m512i packed = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
  // Packing works inside 128-bit lanes: put the four dwords of each vector together again.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, packed);
}
inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) {
  _mm512_storeu_si512(p, to_bytes(a, b, c, d));
}
// The four values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  const __m512i low = _mm512_set1_epi32(0xff);
  const __m512i first = _mm512_or_si512(_mm512_and_si512(values[0], low),
                                        _mm512_slli_epi32(_mm512_and_si512(values[1], low), 8));
  const __m512i last = _mm512_or_si512(_mm512_slli_epi32(_mm512_and_si512(values[2], low), 16),
                                       _mm512_slli_epi32(values[3], 24));
  _mm512_storeu_si512(p, _mm512_or_si512(first, last));
}

#define SQUEEZEBERT_TRANSPOSES_KEYS
// As the generic one: four transposes of 4 × 4 dwords at once.
inline void transpose_keys(const std::int8_t (&codes)[4][64], int steps, std::int8_t* target, std::size_t step_bytes,
                           std::int32_t (&totals)[4]) {
  const Ints a = load_weights(codes[0]), b = load_weights(codes[1]);
  const Ints c = load_weights(codes[2]), d = load_weights(codes[3]);
  const Ints low_ab = _mm512_unpacklo_epi32(a, b), high_ab = _mm512_unpackhi_epi32(a, b);
  const Ints low_cd = _mm512_unpacklo_epi32(c, d), high_cd = _mm512_unpackhi_epi32(c, d);
  // Of every fourth step, from each of the first four on.
  const Ints by_step[4] = {_mm512_unpacklo_epi64(low_ab, low_cd), _mm512_unpackhi_epi64(low_ab, low_cd),
                           _mm512_unpacklo_epi64(high_ab, high_cd), _mm512_unpackhi_epi64(high_ab, high_cd)};
  Ints sums = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (int s = 0; s < 4; ++s) {
    sums = dot(sums, _mm512_set1_epi8(1), by_step[s]);
    const __m128i quarters[4] = {_mm512_extracti32x4_epi32(by_step[s], 0), _mm512_extracti32x4_epi32(by_step[s], 1),
                                 _mm512_extracti32x4_epi32(by_step[s], 2), _mm512_extracti32x4_epi32(by_step[s], 3)};
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      const int step = 4 * q + s;
      if (step < steps) _mm_storeu_si128(reinterpret_cast<__m128i*>(target + step * step_bytes), quarters[q]);
    }
  }
  auto* total = reinterpret_cast<__m128i*>(totals);
  const __m128i first = _mm_add_epi32(_mm512_extracti32x4_epi32(sums, 0), _mm512_extracti32x4_epi32(sums, 1));
  const __m128i last = _mm_add_epi32(_mm512_extracti32x4_epi32(sums, 2), _mm512_extracti32x4_epi32(sums, 3));
  _mm_storeu_si128(total, _mm_add_epi32(_mm_loadu_si128(total), _mm_add_epi32(first, last)));
}

// Words of 16 bits, for probabilities.
#define SQUEEZEBERT_SOFTENS_WORDS
using Words = __m512i;
struct WordTable {
  Words first, last;
};
inline WordTable load_table(const std::int16_t (&table)[64]) {
  return {_mm512_load_si512(table), _mm512_load_si512(table + 32)};
}
inline Words load_words(const void* p) { return _mm512_loadu_si512(p); }
inline void store_words(void* p, Words x) { _mm512_storeu_si512(p, x); }
inline Words broadcast_word(int x) { return _mm512_set1_epi16(static_cast<short>(x)); }
inline Words add_words(Words a, Words b) { return _mm512_add_epi16(a, b); }
// Saturated. The two vectors alternate by 128-bit lanes, which `store_word_codes` sorts again.
inline Words pair_words(Ints a, Ints b) { return _mm512_packs_epi32(a, b); }
// table[index], where the lowest six bits of each word are the index.
inline Words look_up(const WordTable& table, Words index) {
  return _mm512_permutex2var_epi16(table.first, index, table.last);
}
template <int bits>
inline Words shift_right(Words x) {
  return _mm512_srli_epi16(x, bits);
}
// Zero where `bits` is 16 or more.
inline Words shift_right(Words x, Words bits) { return _mm512_srlv_epi16(x, bits); }
// The upper half of the product of unsigned words.
inline Words high_product(Words a, Words b) { return _mm512_mulhi_epu16(a, b); }
inline Ints dot_words(Ints sums, Words a, Words b) { return _mm512_dpwssd_epi32(sums, a, b); }
// Unsigned, saturated at 255.
inline void store_word_codes(void* p, Words a, Words b) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(p, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(a, b)));
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
