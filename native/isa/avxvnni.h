// AVX2 with VNNI, as processors without AVX-512 have it: dot products of four bytes.
#pragma once

#include "avx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

// vpdpbusd multiplies unsigned by signed bytes, so activations are stored with an offset.
constexpr int code_offset = 128;
constexpr int largest_code = 127;
constexpr int largest_probability = 255;

inline Ints dot(Ints sums, Ints codes, Ints weights) { return _mm256_dpbusd_avx_epi32(sums, codes, weights); }

inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_offset_bytes<code_offset>(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
