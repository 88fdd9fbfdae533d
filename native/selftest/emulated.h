// The instructions of isa/avx512vnni.h and isa/avxvnni.h on processors with AVX2 alone, in two halves, so that their
// kernels are tested where no processor has them. Names in this namespace hide those of immintrin.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

// Macros in some compilers.
#undef _mm512_extracti32x4_epi32
#undef _mm512_range_ps
#undef _mm512_roundscale_ps
#undef _mm512_slli_epi32
#undef _mm512_srli_epi16

namespace squeezebert::SQUEEZEBERT_ISA {

inline void demand(bool is_allowed) {
  if (!is_allowed) __builtin_trap();
}

// Products of unsigned and signed bytes, whose words vpmaddubsw would saturate.
inline __m256i _mm256_dpbusd_avx_epi32(__m256i sums, __m256i codes, __m256i weights) {
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(codes, _mm256_set1_epi16(255)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), _mm256_srai_epi16(weights, 8));
  return _mm256_add_epi32(sums, _mm256_add_epi32(even, odd));
}

struct __m512 {
  __m256 low, high;
};
struct __m512i {
  __m256i low, high;
};

#define SQUEEZEBERT_HALVES(type, name, half)                                                \
  inline type name(type a, type b) { return {half(a.low, b.low), half(a.high, b.high)}; }

SQUEEZEBERT_HALVES(__m512, _mm512_add_ps, _mm256_add_ps)
SQUEEZEBERT_HALVES(__m512, _mm512_sub_ps, _mm256_sub_ps)
SQUEEZEBERT_HALVES(__m512, _mm512_mul_ps, _mm256_mul_ps)
SQUEEZEBERT_HALVES(__m512, _mm512_div_ps, _mm256_div_ps)
SQUEEZEBERT_HALVES(__m512, _mm512_min_ps, _mm256_min_ps)
SQUEEZEBERT_HALVES(__m512, _mm512_max_ps, _mm256_max_ps)
SQUEEZEBERT_HALVES(__m512i, _mm512_and_si512, _mm256_and_si256)
SQUEEZEBERT_HALVES(__m512i, _mm512_or_si512, _mm256_or_si256)
SQUEEZEBERT_HALVES(__m512i, _mm512_xor_si512, _mm256_xor_si256)
SQUEEZEBERT_HALVES(__m512i, _mm512_add_epi16, _mm256_add_epi16)
SQUEEZEBERT_HALVES(__m512i, _mm512_sub_epi32, _mm256_sub_epi32)
SQUEEZEBERT_HALVES(__m512i, _mm512_mulhi_epu16, _mm256_mulhi_epu16)
SQUEEZEBERT_HALVES(__m512i, _mm512_packs_epi16, _mm256_packs_epi16)
SQUEEZEBERT_HALVES(__m512i, _mm512_packs_epi32, _mm256_packs_epi32)
SQUEEZEBERT_HALVES(__m512i, _mm512_packus_epi16, _mm256_packus_epi16)
SQUEEZEBERT_HALVES(__m512i, _mm512_unpacklo_epi32, _mm256_unpacklo_epi32)
SQUEEZEBERT_HALVES(__m512i, _mm512_unpackhi_epi32, _mm256_unpackhi_epi32)
SQUEEZEBERT_HALVES(__m512i, _mm512_unpacklo_epi64, _mm256_unpacklo_epi64)
SQUEEZEBERT_HALVES(__m512i, _mm512_unpackhi_epi64, _mm256_unpackhi_epi64)

#undef SQUEEZEBERT_HALVES

inline __m512 both(__m256 x) { return {x, x}; }
inline __m512i both(__m256i x) { return {x, x}; }

inline __m512 _mm512_setzero_ps() { return both(_mm256_setzero_ps()); }
inline __m512i _mm512_setzero_si512() { return both(_mm256_setzero_si256()); }
inline __m512 _mm512_set1_ps(float x) { return both(_mm256_set1_ps(x)); }
inline __m512i _mm512_set1_epi32(int x) { return both(_mm256_set1_epi32(x)); }
inline __m512i _mm512_set1_epi16(short x) { return both(_mm256_set1_epi16(x)); }
inline __m512i _mm512_set1_epi8(char x) { return both(_mm256_set1_epi8(x)); }

inline __m512 _mm512_loadu_ps(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void _mm512_storeu_ps(float* p, __m512 x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
inline __m512i _mm512_loadu_si512(const void* p) {
  __m512i x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline void _mm512_storeu_si512(void* p, __m512i x) { __builtin_memcpy(p, &x, sizeof x); }
inline __m128i _mm512_extracti32x4_epi32(__m512i x, int quarter) {
  __m128i quarters[4];
  _mm512_storeu_si512(quarters, x);
  return quarters[quarter];
}
inline bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }
inline __m512 _mm512_load_ps(const float* p) {
  demand(is_aligned(p));
  return _mm512_loadu_ps(p);
}
inline __m512i _mm512_load_si512(const void* p) {
  demand(is_aligned(p));
  return _mm512_loadu_si512(p);
}
inline __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const float* p) {
  float lanes[16] = {};
  for (int i = 0; i < 16; ++i) {
    if (mask >> i & 1) lanes[i] = p[i];
  }
  return _mm512_loadu_ps(lanes);
}
inline __m512i _mm512_setr_epi32(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l,
                                 int m, int n, int o, int p) {
  return {_mm256_setr_epi32(a, b, c, d, e, f, g, h), _mm256_setr_epi32(i, j, k, l, m, n, o, p)};
}

inline __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline __m512 _mm512_abs_ps(__m512 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
}
inline __m512 _mm512_roundscale_ps(__m512 x, int mode) {
  demand(mode == (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.low, nearest), _mm256_round_ps(x.high, nearest)};
}
// The smaller magnitude with the sign of x, or the larger one.
inline __m512 _mm512_range_ps(__m512 x, __m512 y, int mode) {
  demand(mode == 2 || mode == 11);
  float values[16], others[16];
  _mm512_storeu_ps(values, x);
  _mm512_storeu_ps(others, y);
  for (int i = 0; i < 16; ++i) {
    const float magnitude = __builtin_fabsf(values[i]), other = __builtin_fabsf(others[i]);
    const float smaller = __builtin_copysignf(magnitude <= other ? magnitude : other, values[i]);
    values[i] = mode == 2 ? smaller : magnitude >= other ? magnitude : other;
  }
  return _mm512_loadu_ps(values);
}
inline __m512i _mm512_castps_si512(__m512 x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }
inline __m512i _mm512_cvtps_epi32(__m512 x) { return {_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)}; }
inline __m512 _mm512_cvtepi32_ps(__m512i x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
inline __m512 _mm512_scalef_ps(__m512 x, __m512 n) {
  float values[16], powers[16];
  _mm512_storeu_ps(values, x);
  _mm512_storeu_ps(powers, n);
  for (int i = 0; i < 16; ++i) {
    // Beyond this every product is zero or infinite.
    const float power = powers[i] < -400 ? -400 : powers[i] > 400 ? 400 : powers[i];
    values[i] = __builtin_ldexpf(values[i], static_cast<int>(__builtin_floorf(power)));
  }
  return _mm512_loadu_ps(values);
}

// In the order of GCC's and Clang's.
inline float _mm512_reduce_add_ps(__m512 x) {
  const __m256 eight = _mm256_add_ps(x.low, x.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float _mm512_reduce_max_ps(__m512 x) {
  float lanes[16], largest;
  _mm512_storeu_ps(lanes, x);
  largest = lanes[0];
  for (float lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

inline __m512i _mm512_slli_epi32(__m512i x, unsigned bits) {
  const int count = static_cast<int>(bits);
  return {_mm256_slli_epi32(x.low, count), _mm256_slli_epi32(x.high, count)};
}
inline __m512i _mm512_srli_epi16(__m512i x, unsigned bits) {
  const int count = static_cast<int>(bits);
  return {_mm256_srli_epi16(x.low, count), _mm256_srli_epi16(x.high, count)};
}
inline __m512i _mm512_srlv_epi16(__m512i x, __m512i bits) {
  std::uint16_t words[32], counts[32];
  _mm512_storeu_si512(words, x);
  _mm512_storeu_si512(counts, bits);
  for (int i = 0; i < 32; ++i) words[i] = counts[i] < 16 ? static_cast<std::uint16_t>(words[i] >> counts[i]) : 0;
  return _mm512_loadu_si512(words);
}
inline __m512i _mm512_permutexvar_epi32(__m512i index, __m512i x) {
  std::uint32_t from[16], picked[16];
  _mm512_storeu_si512(from, x);
  _mm512_storeu_si512(picked, index);
  for (std::uint32_t& lane : picked) lane = from[lane % 16];
  return _mm512_loadu_si512(picked);
}
inline __m512 _mm512_permutex2var_ps(__m512 first, __m512i index, __m512 last) {
  float from[32], values[16];
  std::uint32_t picked[16];
  _mm512_storeu_ps(from, first);
  _mm512_storeu_ps(from + 16, last);
  _mm512_storeu_si512(picked, index);
  for (int i = 0; i < 16; ++i) values[i] = from[picked[i] % 32];
  return _mm512_loadu_ps(values);
}
inline __m512i _mm512_permutex2var_epi16(__m512i first, __m512i index, __m512i last) {
  std::uint16_t from[64], picked[32];
  _mm512_storeu_si512(from, first);
  _mm512_storeu_si512(from + 32, last);
  _mm512_storeu_si512(picked, index);
  for (std::uint16_t& lane : picked) lane = from[lane % 64];
  return _mm512_loadu_si512(picked);
}

inline __m512i _mm512_dpbusd_epi32(__m512i sums, __m512i codes, __m512i weights) {
  return {_mm256_dpbusd_avx_epi32(sums.low, codes.low, weights.low),
          _mm256_dpbusd_avx_epi32(sums.high, codes.high, weights.high)};
}
inline __m512i _mm512_dpwssd_epi32(__m512i sums, __m512i a, __m512i b) {
  return {_mm256_add_epi32(sums.low, _mm256_madd_epi16(a.low, b.low)),
          _mm256_add_epi32(sums.high, _mm256_madd_epi16(a.high, b.high))};
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
